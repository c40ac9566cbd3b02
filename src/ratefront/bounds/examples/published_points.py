"""Rate–accuracy points that others have published, with their sources: 90 series on 13 data sets.

A rate is stored in the unit of its source, and turned into bit/sample here: bit/pixel counts the pixels of the images
that the source coded. An accuracy that was not published is NaN.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Literal, get_args

import numpy as np

from ratefront.bounds.source.distributions import FloatArray
from ratefront.errors import InputError, UnknownNameError

RateKind = Literal["actual", "estimated", "see source"]
"""Coded bits; −log2 of a likelihood; or not said where the series was taken from."""

Metric = Literal["top1", "psnr_rgb_db"]
Unit = Literal["bit/sample", "bit/pixel"]

PIXELS = {"imagenet": 224 * 224, "kodak": 768 * 512}
"""Pixels of an image, for the data sets with rates in bit/pixel."""

PUBLISHED_BOUND = "theoretical-optimum"
"""The method of the one series that is no codec: the oracle of ModelNet40 as its source computed it."""

_KEYS = {"dataset", "method", "rate_unit", "rate_kind", "metric", "source", "note", "points"}


@dataclass(frozen=True, eq=False)
class PublishedSeries:
    """The points that one source publishes of one method on one data set.

    Attributes:
        dataset: in small letters, as `mnist`, `modelnet40`, `imagenet`, `kodak`.
        method: what the source calls the codec.
        source: authors, title, place and year.
        note: what else has to be known of the points.
        rate_kind: whether the rates are coded bits or estimates.
        metric: what `value` counts: `top1` is an accuracy in [0, 1], `psnr_rgb_db` is in dB.
        published_unit: of the rates in the source.
        rate_bits: shape (M,), in bit/sample.
        value: shape (M,), in the metric's unit; NaN where the source gives none.

    Raises:
        InputError: a kind, a unit or a number that cannot be.
    """

    dataset: str
    method: str
    source: str
    note: str
    rate_kind: RateKind
    metric: Metric
    published_unit: Unit
    rate_bits: FloatArray
    value: FloatArray

    def __post_init__(self) -> None:
        where = f"{self.dataset}, {self.method}"
        for key, kinds in (("rate_kind", RateKind), ("metric", Metric), ("published_unit", Unit)):
            if getattr(self, key) not in get_args(kinds):
                raise InputError(
                    f"{where}: {key} {getattr(self, key)!r}, expected one of {', '.join(get_args(kinds))}"
                )
        if not (np.all(np.isfinite(self.rate_bits)) and np.all(self.rate_bits >= 0.0)):
            raise InputError(f"{where}: a rate must be finite and not negative")
        if self.metric == "top1" and np.any((self.value < 0.0) | (self.value > 1.0)):
            raise InputError(f"{where}: an accuracy must be in [0, 1]")

    @property
    def accuracy(self) -> FloatArray:
        """Shape (M,), in [0, 1]; NaN where it was not published.

        Raises:
            InputError: the series measures something else.
        """
        if self.metric != "top1":
            raise InputError(f"{self.dataset}, {self.method}: {self.metric} is no accuracy")
        return self.value


def published_points(
    dataset: str | None = None, *, metric: Metric | None = None
) -> tuple[PublishedSeries, ...]:
    """Return published series, in the order of the file.

    Args:
        dataset: only the series on this data set.
        metric: only the series that measure this.

    Raises:
        UnknownNameError: nothing is published of that data set.

    Example:
        >>> [series.method for series in published_points("mnist") if series.rate_kind == "estimated"]
        ['VIC, supervised augmentation', 'BINCE, supervised augmentation']
        >>> series = published_points("imagenet")[-1]
        >>> series.published_unit, round(float(series.rate_bits[0]))  # in bit/sample: 0.113 bit/pixel of 224 × 224
        ('bit/pixel', 5686)
    """
    series = _all_series()
    datasets = dict.fromkeys(one.dataset for one in series)
    if dataset is not None and dataset not in datasets:
        raise UnknownNameError("data set with published points", dataset, tuple(datasets))
    return tuple(one for one in series if dataset in (None, one.dataset) and metric in (None, one.metric))


@cache
def _all_series() -> tuple[PublishedSeries, ...]:
    text = resources.files("ratefront.bounds.examples").joinpath("published_points.json").read_text("utf-8")
    return tuple(map(series_of, json.loads(text)))


def series_of(entry: Mapping[str, Any]) -> PublishedSeries:
    """Return the series of an entry of the file.

    Raises:
        InputError: a key is missing or unknown, or a value cannot be.
    """
    if wrong := _KEYS.symmetric_difference(entry):
        raise InputError(
            f"published points: expected the keys {sorted(_KEYS)}, these differ: {sorted(wrong)}"
        )
    dataset, unit = entry["dataset"], entry["rate_unit"]
    if unit == "bit/pixel" and dataset not in PIXELS:
        raise InputError(f"{dataset}, {entry['method']}: how many pixels its images have is not known")
    points = np.array(entry["points"], dtype=np.float64)  # null becomes NaN
    if points.ndim != 2 or points.shape[1] != 2:
        raise InputError(f"{dataset}, {entry['method']}: points must be pairs of rate and {entry['metric']}")
    return PublishedSeries(
        dataset=dataset,
        method=entry["method"],
        source=entry["source"],
        note=entry["note"],
        rate_kind=entry["rate_kind"],
        metric=entry["metric"],
        published_unit=unit,
        rate_bits=points[:, 0] * (PIXELS[dataset] if unit == "bit/pixel" else 1),
        value=points[:, 1],
    )
