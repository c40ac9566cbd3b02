"""Seeds that are the same in every process, which those of Python's own ``hash`` are not."""

from __future__ import annotations

import hashlib


def stable_seed(*parts: object) -> int:
    """A seed in [0, 2³¹) from the text of the parts. NumPy's and torch's generators take it."""
    text = "\x1f".join(map(str, parts))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") >> 1
