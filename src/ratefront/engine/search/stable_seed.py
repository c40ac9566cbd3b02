"""Seeds that are the same in every process: never Python's own ``hash``."""

from __future__ import annotations

import hashlib


def stable_seed(*parts: object) -> int:
    """A seed in [0, 2³¹) from the parts' text; fits NumPy's and torch's generators alike."""
    text = "\x1f".join(map(str, parts))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") >> 1
