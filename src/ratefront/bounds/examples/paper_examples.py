"""The papers' figures of bounds for which nothing has to be measured."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from importlib import resources
from typing import Any

import numpy as np

from ratefront.bounds.curve import RateDistortionCurve
from ratefront.bounds.curve_collection import Bounds
from ratefront.bounds.curve_names import LINEAR_RULE, ORACLE
from ratefront.bounds.curves.linear_rule import linear_rule
from ratefront.bounds.curves.oracle import oracle_curve, uniform_curve
from ratefront.bounds.examples.detection import detection_count, detection_log2_count
from ratefront.bounds.examples.mixture import LEAST_ERROR, class_densities, mixture_curves
from ratefront.bounds.examples.published_bounds import (
    DetectionEstimate,
    PublishedPanel,
    PublishedPoint,
    detection_estimate,
    published_panels,
)
from ratefront.bounds.source.distributions import FloatArray, entropy_bits, prior_from_counts
from ratefront.errors import InputError

MIXTURE, DETECTION, MODELNET40, PUBLISHED = "mixture", "detection", "modelnet40", "published"
ORACLE_UNIFORM = "oracle_uniform"

CLASSIFICATION = {"MNIST": 10, "ModelNet40": 40, "ImageNet": 1000}
"""K of the data sets that RA Fig. 2 shows beside detection."""

DENSITY_REACH, DENSITY_POINTS = 5.0, 401


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class ExampleBounds(Bounds):
    """The bounds of one of the papers' figures.

    Attributes:
        example: its name, one of `EXAMPLES`.
        source: what it reproduces, in words.
    """

    example: str
    source: str

    @property
    def description(self) -> tuple[str, ...]:
        """The example and what it reproduces."""
        return (f"{self.example}: {self.source}",)

    def to_json(self) -> dict[str, Any]:
        """Return plain data: the document that ``ratefront bounds`` writes for an example."""
        return {
            "example": self.example,
            "source": self.source,
            **self._own_keys(),
            "curves": self._curves_as_json(),
        }

    def _own_keys(self) -> dict[str, Any]:
        return {"classes": self.classes}


@dataclass(frozen=True, eq=False)
class MixtureDensities:
    """Probability densities over x.

    Attributes:
        x: shape (M,).
        mixture: p(x), shape (M,).
        given: p(x | y) for y = 0 and 1, shape (2, M).
    """

    x: FloatArray
    mixture: FloatArray
    given: FloatArray


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class MixtureBounds(ExampleBounds):
    """The bounds of MA Fig. 1.

    Attributes:
        least_distortion: the least error behind X.
        density: of X.
    """

    least_distortion: float
    density: MixtureDensities

    def _own_keys(self) -> dict[str, Any]:
        density = {
            "x": self.density.x.tolist(),
            "p(x)": self.density.mixture.tolist(),
            "p(x | y = 0)": self.density.given[0].tolist(),
            "p(x | y = 1)": self.density.given[1].tolist(),
        }
        return {**super()._own_keys(), "least_distortion": self.least_distortion, "density": density}


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class EquiprobableBounds(Bounds):
    """The oracle and the linear rule of equally likely classes.

    Attributes:
        log2_classes: log2 K.
    """

    log2_classes: float

    @classmethod
    def of(cls, classes: int, log2_classes: float) -> EquiprobableBounds:
        """Compute both curves for K classes."""
        curves = {ORACLE: uniform_curve(classes), LINEAR_RULE: linear_rule(log2_classes)}
        return cls(curves=curves, classes=classes, log2_classes=log2_classes)

    def to_json(self) -> dict[str, Any]:
        """Return plain data: a panel of the detection example's document."""
        return {
            "classes": self.classes,
            "log2_classes": self.log2_classes,
            "curves": self._curves_as_json(),
        }


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class DetectionBounds(ExampleBounds):
    """The bounds of RA Fig. 2.

    Attributes:
        log2_classes: log2 K of detection, whose K is too large for a float.
        panels: the classification data sets beside it, by name.
    """

    log2_classes: float
    panels: Mapping[str, EquiprobableBounds]

    def to_json(self) -> dict[str, Any]:
        """Return plain data: the example's document, with its panels."""
        panels = {name: panel.to_json() for name, panel in self.panels.items()}
        return {**super().to_json(), "panels": panels}

    def _own_keys(self) -> dict[str, Any]:
        return {"classes": str(self.classes), "log2_classes": self.log2_classes}  # too many for a JSON number


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class ModelNet40Bounds(ExampleBounds):
    """The bounds of RA Fig. 3: the oracle of the test set's prior and that of equiprobable classes.

    Attributes:
        samples: number of shapes in the test set.
        label_entropy_bits: H(Y) of the test set.
    """

    samples: int
    label_entropy_bits: float

    def _own_keys(self) -> dict[str, Any]:
        return {
            **super()._own_keys(),
            "samples": self.samples,
            "label_entropy_bits": self.label_entropy_bits,
        }


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class PublishedBounds(ExampleBounds):
    """Published points over the oracles of RA Fig. 4, 5 and 6, and RA's estimate for detection.

    Its own curve is the oracle of detection.

    Attributes:
        datasets: by data set, `mnist`, `modelnet40` and `imagenet`.
        detection: the estimate for COCO.
    """

    datasets: Mapping[str, PublishedPanel]
    detection: DetectionEstimate

    @property
    def description(self) -> tuple[str, ...]:
        """The source, and for each data set the least factor and that of the most accurate point."""
        return (
            *super().description,
            *(
                f"{panel.title}: {_factor_in_words(panel.closest)}; {_factor_in_words(panel.best[-1])}"
                for panel in self.datasets.values()
            ),
            f"COCO: {self.detection.factor:.4g} times log2 K",
        )

    def _own_keys(self) -> dict[str, Any]:
        datasets = {name: panel.to_json() for name, panel in self.datasets.items()}
        return {"classes": str(self.classes), "detection": asdict(self.detection), "datasets": datasets}


def _factor_in_words(point: PublishedPoint) -> str:
    return f"{point.factor:.3g} times the oracle at {point.accuracy:.2%} ({point.method}, {point.rate_kind})"


def example(name: str) -> ExampleBounds:
    """Compute the curves of one of the papers' figures.

    Args:
        name: "mixture", two overlapping Gaussians; "detection", objects as on COCO beside classification data
            sets; "modelnet40", the prior of its test split against equiprobable classes; "published", published
            points over the oracles.

    Returns:
        Curves in bit/sample over P(Y^ != Y), and what else the figure shows.

    Raises:
        InputError: no such example.

    Example:
        >>> mixture = example("mixture")
        >>> round(mixture["indirect"].rate_at(0.25), 3)  # bit/sample of the best system
        0.374
        >>> round(mixture["oracle"].rate_at(0.25), 3)
        0.189
    """
    if name not in _BUILDERS:
        raise InputError(f"no such example: {name!r}; there are {', '.join(EXAMPLES)}")
    return _BUILDERS[name]()


def modelnet40_test_counts() -> Mapping[str, int]:
    """Return the number of shapes of each class in the ModelNet40 test split, the prior of RA Fig. 3.

    Example:
        >>> sum(modelnet40_test_counts().values())
        2468
    """
    text = (
        resources.files("ratefront.bounds.examples")
        .joinpath("modelnet40_test_counts.json")
        .read_text(encoding="utf-8")
    )
    counts: dict[str, int] = json.loads(text)
    return counts


def _mixture() -> MixtureBounds:
    x = np.linspace(-DENSITY_REACH, DENSITY_REACH, DENSITY_POINTS)
    given = class_densities(x)
    return MixtureBounds(
        example=MIXTURE,
        source="Enttsel and Corlay, Model-Aware Rate-Distortion Limits for Task-Oriented Source Coding, Fig. 1: "
        "Y is a fair bit, X = 2Y - 1 + N(0, 1)",
        classes=2,
        least_distortion=LEAST_ERROR,
        density=MixtureDensities(x, given.mean(axis=0), given),
        curves=mixture_curves(),
    )


def _detection() -> DetectionBounds:
    detection = EquiprobableBounds.of(detection_count(), detection_log2_count())
    return DetectionBounds(
        example=DETECTION,
        source="Bajic, Rate-Accuracy Bounds in Visual Coding for Machines, Fig. 2 and equation 7: detection as on "
        "COCO, 1 to 15 objects of 80 kinds in 98 positions, and classification; all classes equiprobable",
        classes=detection.classes,
        log2_classes=detection.log2_classes,
        curves=detection.curves,
        panels={
            name: EquiprobableBounds.of(classes, float(np.log2(classes)))
            for name, classes in CLASSIFICATION.items()
        },
    )


def _modelnet40() -> ModelNet40Bounds:
    counts = list(modelnet40_test_counts().values())
    prior = prior_from_counts(counts)
    return ModelNet40Bounds(
        example=MODELNET40,
        source="Bajic, Rate-Accuracy Bounds in Visual Coding for Machines, Fig. 3: ModelNet40, the class counts of "
        "its test split against equiprobable classes",
        classes=len(counts),
        samples=sum(counts),
        label_entropy_bits=entropy_bits(prior),
        curves={ORACLE: oracle_curve(prior), ORACLE_UNIFORM: _renamed(uniform_curve(len(counts)))},
    )


def _published() -> PublishedBounds:
    detection, modelnet40 = _detection(), _modelnet40()
    oracles = {
        "mnist": (10, uniform_curve(10)),
        "modelnet40": (modelnet40.classes, modelnet40[ORACLE]),
        "imagenet": (1000, uniform_curve(1000)),
    }
    return PublishedBounds(
        example=PUBLISHED,
        source="Bajic, Rate-Accuracy Bounds in Visual Coding for Machines, Fig. 4, 5 and 6 and the estimate for COCO",
        classes=detection.classes,
        curves={ORACLE: detection[ORACLE]},
        datasets=published_panels(oracles),
        detection=detection_estimate(detection.log2_classes),
    )


def _renamed(curve: RateDistortionCurve) -> RateDistortionCurve:
    return replace(curve, name=ORACLE_UNIFORM)


_BUILDERS: dict[str, Callable[[], ExampleBounds]] = {
    MIXTURE: _mixture,
    DETECTION: _detection,
    MODELNET40: _modelnet40,
    PUBLISHED: _published,
}

EXAMPLES = tuple(_BUILDERS)
