"""Three sources for which the papers draw bounds, as JSON documents: nothing has to be measured for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ratefront.bounds.curve import RateDistortionCurve
from ratefront.bounds.curves.linear_rule import linear_rule
from ratefront.bounds.curves.oracle import oracle_curve, uniform_curve
from ratefront.bounds.document import curve_as_json
from ratefront.bounds.examples.detection import detection_count, detection_log2_count
from ratefront.bounds.examples.mixture import LEAST_ERROR, class_densities, mixture_curves
from ratefront.bounds.examples.modelnet40 import modelnet40_test_counts
from ratefront.bounds.names import LINEAR_RULE, ORACLE
from ratefront.bounds.source import entropy_bits, prior_from_counts
from ratefront.errors import InputError

MIXTURE, DETECTION, MODELNET40 = "mixture", "detection", "modelnet40"
ORACLE_UNIFORM = "oracle_uniform"

CLASSIFICATION = {"MNIST": 10, "ModelNet40": 40, "ImageNet": 1000}
"""K of the data sets beside which RA Fig. 2 sets detection."""

DENSITY_REACH, DENSITY_POINTS = 5.0, 401

Document = dict[str, Any]


def example_document(name: str) -> Document:
    """The JSON document of one of `EXAMPLES`.

    Each has "example" (its name), "source" (what it reproduces, in words) and "curves" as a bounds document
    has them (`document.curve_as_json`): rates in bit/sample, distortions P(Y^ != Y).

    mixture: also "least_distortion" and "density", with p(x), p(x | y = 0) and p(x | y = 1) over x.
    detection: also "classes" (K in digits, too large for a float), "log2_classes", and "panels", the same of
    the classification data sets.
    modelnet40: also "samples", "classes" and "label_entropy_bits"; its curves are the oracle of the test
    set's prior and that of equiprobable classes.

    Raises:
        InputError: no such example (fatal).
    """
    if name not in _BUILDERS:
        raise InputError(f"no such example: {name!r}; there are {', '.join(EXAMPLES)}")
    return {"example": name, **_BUILDERS[name]()}


def _mixture() -> Document:
    x = np.linspace(-DENSITY_REACH, DENSITY_REACH, DENSITY_POINTS)
    given = class_densities(x)
    return {
        "source": "Enttsel and Corlay, Model-Aware Rate-Distortion Limits for Task-Oriented Source Coding, Fig. 1: "
        "Y is a fair bit, X = 2Y - 1 + N(0, 1)",
        "classes": 2,
        "least_distortion": LEAST_ERROR,
        "density": {
            "x": x.tolist(),
            "p(x)": given.mean(axis=0).tolist(),
            "p(x | y = 0)": given[0].tolist(),
            "p(x | y = 1)": given[1].tolist(),
        },
        "curves": _as_json(mixture_curves()),
    }


def _detection() -> Document:
    return {
        "source": "Bajic, Rate-Accuracy Bounds in Visual Coding for Machines, Fig. 2 and equation 7: detection as on "
        "COCO, 1 to 15 objects of 80 kinds in 98 positions, and classification; all classes equiprobable",
        **_equiprobable(detection_count(), detection_log2_count()),
        "panels": {
            name: {**_equiprobable(classes, float(np.log2(classes))), "classes": classes}
            for name, classes in CLASSIFICATION.items()
        },
    }


def _equiprobable(classes: int, log2_classes: float) -> Document:
    curves = {ORACLE: uniform_curve(classes), LINEAR_RULE: linear_rule(log2_classes)}
    return {"classes": str(classes), "log2_classes": log2_classes, "curves": _as_json(curves)}


def _modelnet40() -> Document:
    counts = list(modelnet40_test_counts().values())
    prior = prior_from_counts(counts)
    return {
        "source": "Bajic, Rate-Accuracy Bounds in Visual Coding for Machines, Fig. 3: ModelNet40, the class counts of "
        "its test split against equiprobable classes",
        "classes": len(counts),
        "samples": sum(counts),
        "label_entropy_bits": entropy_bits(prior),
        "curves": _as_json({ORACLE: oracle_curve(prior), ORACLE_UNIFORM: uniform_curve(len(counts))}),
    }


def _as_json(curves: Mapping[str, RateDistortionCurve]) -> Document:
    return {name: curve_as_json(replace(curve, name=name)) for name, curve in curves.items()}


_BUILDERS: dict[str, Callable[[], Document]] = {
    MIXTURE: _mixture,
    DETECTION: _detection,
    MODELNET40: _modelnet40,
}

EXAMPLES = tuple(_BUILDERS)
