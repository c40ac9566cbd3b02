"""The small sweep that tests share: its spec on digits, and one configuration of each codec."""

from __future__ import annotations

from typing import Any

from ratefront.spec.sweep_spec import SweepSpec

SPLIT = {"family": "split", "split": "conv2", "beta": 60.0, "objective": "cross_entropy"}
SMALL = {"family": "label", "classifier": "small", "classifier_width": 8, "classifier_depth": 2}
DISTILLED = {
    **SPLIT,
    "entropy_model": "factorized",
    "width": 6,
    "objective": "feature_distillation",
    "beta": 200.0,
}

#: Configurations as trials are given them: every family, entropy model, objective and refinement.
CODEC_CONFIGURATIONS: dict[str, dict[str, Any]] = {
    "label-lossless": {"family": "label", "method": "lossless"},
    "label-merged": {"family": "label", "method": "merged", "merged_classes": 4},
    "label-time-shared": {"family": "label", "method": "time_shared", "share": 0.6},
    "label-small": {**SMALL, "method": "lossless", "classifier_loss": "cross_entropy"},
    "label-small-int8": {**SMALL, "method": "merged", "merged_classes": 2, "precision": "int8"},
    "label-int8": {"family": "label", "method": "lossless", "precision": "int8"},
    "label-pruned": {
        "family": "label",
        "method": "time_shared",
        "share": 0.8,
        "pruning": "structured",
        "pruned_share": 0.3,
    },
    "sample-communicate": {
        "family": "sample",
        "channel": "sample_and_communicate",
        "sharpness": 0.5,
        "group": 3,
    },
    "sample-task-model": {"family": "sample", "channel": "task_model", "slope": 5.0},
    "split-factorized": {**SPLIT, "entropy_model": "factorized", "width": 5},
    "split-categorical": {**SPLIT, "entropy_model": "categorical", "width": 2, "alphabet": 8},
    "split-letter-map": {
        **SPLIT,
        "entropy_model": "categorical",
        "latents": "map",
        "width": 1,
        "alphabet": 6,
        "surrogate": "straight_through",
    },
    "split-distilled": DISTILLED,
    "split-map-cosine": {
        **DISTILLED,
        "latents": "map",
        "width": 3,
        "distance": "cosine",
        "surrogate": "universal",
    },
    "split-hyperprior-mae": {
        **DISTILLED,
        "entropy_model": "scale_hyperprior",
        "width": 3,
        "hyper_width": 2,
        "distance": "mae",
        "surrogate": "noise",
    },
    "split-mean-scale": {**SPLIT, "entropy_model": "mean_scale_hyperprior", "width": 3, "hyper_width": 2},
    "split-context-kl-sga": {
        **DISTILLED,
        "entropy_model": "context",
        "width": 4,
        "slices": 2,
        "hyper_width": 2,
        "distance": "kl",
        "surrogate": "straight_through",
        "refine": "sga",
        "refine_steps": 20,
    },
    "student": {
        "family": "student",
        "split": "hidden",
        "entropy_model": "factorized",
        "width": 5,
        "beta": 600.0,
        "encoder_width": 32,
    },
    "student-letter": {
        "family": "student",
        "split": "hidden",
        "entropy_model": "categorical",
        "width": 1,
        "alphabet": 16,
        "beta": 60.0,
        "encoder_width": 32,
    },
    "student-map": {
        "family": "student",
        "split": "conv2",
        "entropy_model": "mean_scale_hyperprior",
        "width": 3,
        "hyper_width": 2,
        "beta": 300.0,
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
    "split-distilled-sga": {**DISTILLED, "refine": "sga", "refine_steps": 30},
    "split-fp32": {**SPLIT, "entropy_model": "factorized", "width": 5, "precision": "fp32"},
    "split-int8": {**SPLIT, "entropy_model": "factorized", "width": 5, "precision": "int8"},
    "split-int8-map": {
        **DISTILLED,
        "entropy_model": "mean_scale_hyperprior",
        "width": 3,
        "hyper_width": 2,
        "precision": "int8",
    },
    "split-structured": {**DISTILLED, "pruning": "structured", "pruned_share": 0.5, "precision": "int8"},
    "split-structured-sga": {
        **DISTILLED,
        "pruning": "structured",
        "pruned_share": 0.25,
        "refine": "sga",
        "refine_steps": 20,
    },
    "split-unstructured": {
        **SPLIT,
        "entropy_model": "categorical",
        "width": 2,
        "alphabet": 8,
        "pruning": "unstructured",
        "pruned_share": 0.7,
    },
    "student-int8": {
        "family": "student",
        "split": "hidden",
        "entropy_model": "factorized",
        "width": 5,
        "beta": 600.0,
        "encoder_width": 32,
        "precision": "int8",
    },
    "image-png": {"family": "image", "codec": "png"},
    "image-jpeg": {"family": "image", "codec": "jpeg", "quality": 40},
    "image-webp": {"family": "image", "codec": "webp", "quality": 40},
    "image-learned": {
        "family": "image",
        "codec": "learned",
        "entropy_model": "factorized",
        "channels": 12,
        "latent_channels": 8,
        "distortion": "mse",
        "beta": 0.002,
    },
    "image-hyperprior": {
        "family": "image",
        "codec": "learned",
        "entropy_model": "mean_scale_hyperprior",
        "channels": 8,
        "latent_channels": 4,
        "hyper_width": 2,
        "distortion": "task",
        "beta": 100.0,
    },
}


def small_sweep_spec(**changes: Any) -> SweepSpec:
    """Return a sweep on digits with a short training and without repeats; its space is not used."""
    plain: dict[str, Any] = {
        "name": "lab",
        "dataset": {"name": "digits"},
        "task_model": {"name": "small_cnn", "epochs": 15},
        "space": {},
        "trials": 1,
        "repeats": 1,
        "training": {"epochs": 12},
        "block_size": 150,
    }
    return SweepSpec.model_validate(plain | changes)
