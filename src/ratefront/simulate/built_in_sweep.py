"""The sweeps that are simulated if none is given: with branches within branches, and every kind of leaf."""

from __future__ import annotations

from functools import cache
from typing import Any

from ratefront.simulate.problems.codec_families import CODEC_FAMILIES
from ratefront.spec.check_spec import LoadedSpec
from ratefront.spec.load_spec import spec_from_plain

BUILT_IN: dict[str, Any] = {
    "name": "simulated",
    "dataset": "digits",
    "task_model": "small_cnn",
    "space": {
        "family": {
            "label": {
                "method": {
                    "lossless": {},
                    "merged": {"merged_classes": {"int": [1, 6]}},
                    "time_shared": {"share": {"float": [0.1, 0.9]}},
                }
            },
            "split": {
                "split": ["conv1", "conv2", "conv3"],
                "entropy_model": {
                    "factorized": {"width": {"int": [2, 12], "log": True}},
                    "categorical": {"width": {"int": [1, 3]}, "alphabet": [4, 8, 16]},
                },
                "beta": {"float": [8, 300], "log": True},
            },
        }
    },
    "trials": 100,
    "repeats": 1,
}


#: Another space: few configurations, whose results do not depend on the seed.
SMALL_SPACE: dict[str, Any] = {
    "family": {
        "label": {"method": {"lossless": {}, "merged": {"merged_classes": {"int": [1, 4]}}}},
        "image": {"codec": {"png": {}, "jpeg": {"quality": [10, 50, 90]}}},
    }
}


@cache
def built_in_sweep(small_space: bool = False) -> LoadedSpec:
    """Return the built-in sweep; ``small_space``: over a space with few configurations."""
    plain = BUILT_IN | ({"space": SMALL_SPACE} if small_space else {})
    return spec_from_plain(plain, source="the built-in sweep")


@cache
def codec_families_sweep() -> LoadedSpec:
    """Return the sweep of the problem ``codec_families``."""
    return spec_from_plain(CODEC_FAMILIES, source="the sweep of codec_families")
