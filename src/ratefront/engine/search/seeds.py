"""Seeds of trials and suggestions: the same in every process, which Python's own ``hash`` is not."""

from __future__ import annotations

import hashlib


def stable_seed(*parts: object) -> int:
    """A seed in [0, 2³¹) from the text of the parts. NumPy's and torch's generators take it."""
    text = "\x1f".join(map(str, parts))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") >> 1


def trial_seed(sampler_seed: int, number: int) -> int:
    """The seed of a trial, from the sampler's seed in the sweep file and the trial's number."""
    return stable_seed("trial", sampler_seed, number)
