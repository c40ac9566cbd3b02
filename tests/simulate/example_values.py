"""Configurations of the built-in sweep, and metrics of its own, for the tests of tables."""

from __future__ import annotations

from typing import Any

from ratefront.spec.sweep_spec import Metric
from ratefront.trial_records import Scalar


def split(beta: float, split: str = "conv1", width: int = 4, **values: Scalar) -> dict[str, Scalar]:
    return {
        "family": "split",
        "split": split,
        "entropy_model": "factorized",
        "width": width,
        "beta": beta,
    } | values


OWN: dict[str, Any] = {
    "metrics": (
        Metric(name="own", target="m:own"),
        Metric(name="miss", target="m:miss", direction="minimise"),
    ),
    "objectives": ("rate_bits", "own", "miss"),
    "reference": {"own": 0.0, "miss": 1.0},
}
