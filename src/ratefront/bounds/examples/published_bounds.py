"""RA Fig. 4, 5 and 6 and its estimate for COCO: published points, and by what factor they lie above the oracle.

The factor of a point is its rate divided by the oracle's at the same accuracy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ratefront.bounds.curve import RateDistortionCurve
from ratefront.bounds.examples.published_points import (
    PIXELS,
    PUBLISHED_BOUND,
    PublishedSeries,
    RateKind,
    published_points,
)
from ratefront.bounds.gap import gap

CLOUD_POINTS = 1024
"""Points of a cloud in RA Fig. 5."""

COCO_PIXELS = 640 * 480
COCO_BIT_PER_PIXEL, COCO_MEAN_PRECISION = 0.5, 0.555
"""RA §IV: YOLOv3 behind the best published codec, an image of 640 × 480, and its mean average precision."""


@dataclass(frozen=True)
class PublishedPoint:
    """A published point against the oracle at its own accuracy.

    Attributes:
        method: what the source calls the codec.
        source: authors, title, place and year.
        rate_kind: whether the rate is of coded bits or an estimate.
        rate_bits: in bit/sample.
        accuracy: in [0, 1].
        oracle_bits: what the oracle needs for that accuracy, in bit/sample; None where it needs none.
        factor: rate_bits / oracle_bits; None likewise.
    """

    method: str
    source: str
    rate_kind: RateKind
    rate_bits: float
    accuracy: float
    oracle_bits: float | None
    factor: float | None


@dataclass(frozen=True, eq=False)
class PublishedPanel:
    """One data set: its oracle and what was published.

    Attributes:
        title: the data set's name.
        classes: K.
        oracle: in bit/sample.
        series: with accuracies; the published bound is left out.
        unit: of the rate axis in the paper.
        count: by what a rate in bit/sample is divided for `unit`.
    """

    title: str
    classes: int
    oracle: RateDistortionCurve
    series: tuple[PublishedSeries, ...]
    unit: str
    count: int

    @property
    def points(self) -> tuple[PublishedPoint, ...]:
        """All points with an accuracy, by method."""
        return tuple(point for one in self.series for point in _against_oracle(one, self.oracle))

    @property
    def best(self) -> tuple[PublishedPoint, ...]:
        """The points that no other one beats in rate and accuracy, by rising rate."""
        kept: list[PublishedPoint] = []
        for point in sorted(self.points, key=lambda point: (point.rate_bits, -point.accuracy)):
            if not kept or point.accuracy > kept[-1].accuracy:
                kept.append(point)
        return tuple(kept)

    @property
    def closest(self) -> PublishedPoint:
        """The point with the least factor."""
        known = [(point.factor, place) for place, point in enumerate(self.points) if point.factor is not None]
        return self.points[min(known)[1]]

    def to_json(self) -> dict[str, Any]:
        """Return plain data: every point with its factor, and those that no other one beats."""
        return {
            "title": self.title,
            "classes": self.classes,
            "unit": self.unit,
            "samples_to_unit": self.count,
            "best": [asdict(point) for point in self.best],
            "points": [asdict(point) for point in self.points],
        }


@dataclass(frozen=True)
class DetectionEstimate:
    """RA's estimate for detection: mean average precision is no accuracy, so the factor is a rough one.

    Attributes:
        rate_bits: of the best published codec, in bit/image.
        mean_precision: what it reaches, in [0, 1].
        oracle_bits: log2 K, what any accuracy costs at most.
        factor: rate_bits / oracle_bits.
    """

    rate_bits: float
    mean_precision: float
    oracle_bits: float
    factor: float


def published_panels(oracles: Mapping[str, tuple[int, RateDistortionCurve]]) -> dict[str, PublishedPanel]:
    """Return the panels of RA Fig. 4, 5 and 6, by data set.

    Args:
        oracles: the number of classes and the oracle of `mnist`, `modelnet40` and `imagenet`.
    """
    looks = {
        "mnist": ("MNIST", "bit/image", 1),
        "modelnet40": ("ModelNet40", "bit/point", CLOUD_POINTS),
        "imagenet": ("ImageNet", "bit/pixel", PIXELS["imagenet"]),
    }
    return {
        name: PublishedPanel(title, *oracles[name], _codecs(name), unit, count)
        for name, (title, unit, count) in looks.items()
    }


def detection_estimate(log2_classes: float) -> DetectionEstimate:
    """Return RA's estimate: the published bits of an image over those of every accuracy, log2 K."""
    rate = COCO_BIT_PER_PIXEL * COCO_PIXELS
    return DetectionEstimate(rate, COCO_MEAN_PRECISION, log2_classes, rate / log2_classes)


def _codecs(dataset: str) -> tuple[PublishedSeries, ...]:
    series = published_points(dataset, metric="top1")
    return tuple(
        one for one in series if one.method != PUBLISHED_BOUND and not np.all(np.isnan(one.accuracy))
    )


def _against_oracle(series: PublishedSeries, oracle: RateDistortionCurve) -> Sequence[PublishedPoint]:
    found = []
    for rate, accuracy in zip(series.rate_bits.tolist(), series.accuracy.tolist(), strict=True):
        if np.isnan(accuracy):
            continue
        above = gap(rate, accuracy, oracle)
        oracle_bits = None if above.bits is None else rate - above.bits
        found.append(
            PublishedPoint(
                series.method, series.source, series.rate_kind, rate, accuracy, oracle_bits, above.ratio
            )
        )
    return found
