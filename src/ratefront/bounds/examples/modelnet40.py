"""The class counts of ModelNet40's test split, which ship with the package."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import resources


def modelnet40_test_counts() -> Mapping[str, int]:
    """Shapes of each class in the ModelNet40 test split (2468 in all), the prior of RA Fig. 3."""
    text = (
        resources.files("ratefront.bounds.examples")
        .joinpath("modelnet40_test_counts.json")
        .read_text(encoding="utf-8")
    )
    counts: dict[str, int] = json.loads(text)
    return counts
