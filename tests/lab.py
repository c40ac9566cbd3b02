"""What tests of the laboratory share: a small spec, a trained task model, one of each codec."""

from __future__ import annotations

from typing import Any

from ratefront.spec.schema import SweepSpec

SPLIT = {"family": "split", "split": "conv2", "beta": 60.0, "objective": "cross_entropy"}

#: Every family, entropy model, objective and refinement, as a trial would be given them.
EXAMPLES: dict[str, dict[str, Any]] = {
    "label-lossless": {"family": "label", "method": "lossless"},
    "label-merged": {"family": "label", "method": "merged", "merged_classes": 4},
    "label-time-shared": {"family": "label", "method": "time_shared", "share": 0.6},
    "sample-communicate": {
        "family": "sample",
        "channel": "sample_and_communicate",
        "sharpness": 0.5,
        "group": 3,
    },
    "sample-task-model": {"family": "sample", "channel": "task_model", "slope": 5.0},
    "split-factorized": {**SPLIT, "entropy_model": "factorized", "width": 5},
    "split-categorical": {**SPLIT, "entropy_model": "categorical", "width": 2, "alphabet": 8},
    "split-distilled": {
        **SPLIT,
        "entropy_model": "factorized",
        "width": 6,
        "objective": "feature_distillation",
        "beta": 200.0,
    },
    "split-factorized-sga": {
        **SPLIT,
        "entropy_model": "factorized",
        "width": 5,
        "refine": "sga",
        "refine_steps": 30,
    },
    "split-categorical-sga": {
        **SPLIT,
        "entropy_model": "categorical",
        "width": 2,
        "alphabet": 8,
        "refine": "sga",
        "refine_steps": 30,
        "refine_learning_rate": 0.05,
    },
    "split-distilled-sga": {
        **SPLIT,
        "entropy_model": "factorized",
        "width": 6,
        "objective": "feature_distillation",
        "beta": 200.0,
        "refine": "sga",
        "refine_steps": 30,
    },
}


def lab_spec(**changes: Any) -> SweepSpec:
    """A sweep on digits with a short training; its space is not looked at."""
    plain: dict[str, Any] = {
        "name": "lab",
        "dataset": {"name": "digits"},
        "task_model": {"name": "small_cnn", "epochs": 15},
        "space": {},
        "trials": 1,
        "training": {"epochs": 12},
        "block_size": 150,
    }
    return SweepSpec.model_validate(plain | changes)
