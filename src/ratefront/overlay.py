"""Where measured points and bounds meet: the only place that computes a gap, a default reference, a share
of the oracle.

Everything is measured on the evaluated samples: the bounds come from the task model's predictions on the
test split, the oracle's prior is the test labels' own counts. D = 1 − A; rates are bit/sample.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
import numpy.typing as npt

from ratefront.bounds import (
    ORACLE,
    Predictions,
    RateDistortionCurve,
    curves_with_doubts,
)
from ratefront.errors import InputError
from ratefront.pareto import hypervolume, on_axis
from ratefront.records import OBJECTIVES, WITH_DEFAULT_REFERENCE, Objectives

RATE_ACCURACY: Objectives = {name: OBJECTIVES[name] for name in ("rate_bits", "accuracy")}
#: 1 − A may round to just below a bound's least distortion, which the same codec reaches exactly.
ROUNDING = 1e-9


class Point(Protocol):
    """What a gap needs to know of a point; ``records.FrontPoint`` is one."""

    @property
    def rate_bits(self) -> float: ...
    @property
    def accuracy(self) -> float: ...


@dataclass(frozen=True)
class Gap:
    """How far a point lies above a bound at its own distortion; None, with the reason, where the bound says
    nothing.
    """

    bits: float | None
    ratio: float | None
    reason: str = ""


def gap(point: Point, curve: RateDistortionCurve, zero_rate_distortion: float) -> Gap:
    """R − R_b(1−A) and R / R_b(1−A) for one bound; a curve that is not convex is replaced by its envelope.

    Undefined, never infinite, where D lies below the bound's least distortion or R_b = 0.
    """
    bound = _comparable(curve, zero_rate_distortion)
    least = float(bound.distortion[0])
    distortion = 1.0 - point.accuracy
    if abs(distortion - least) <= ROUNDING:
        distortion = least
    rate = bound.rate_at(distortion)
    if rate is None:
        return Gap(None, None, f"D = {distortion:.4g} lies below the bound's least distortion {least:.4g}")
    if rate <= 0.0:
        return Gap(None, None, f"the bound needs no bits at D = {distortion:.4g}")
    return Gap(point.rate_bits - rate, point.rate_bits / rate)


def _comparable(curve: RateDistortionCurve, zero_rate_distortion: float) -> RateDistortionCurve:
    return curve if curve.convex else curve.envelope(zero_rate_distortion)


def gaps(point: Point, curves: Mapping[str, RateDistortionCurve]) -> dict[str, Gap]:
    """The gap of a point to every bound; the zero-rate distortion D0 is the oracle's.

    Raises
    ------
    InputError
        The oracle is not among the curves.
    """
    start = zero_rate_distortion(curves)
    return {name: gap(point, curve, start) for name, curve in curves.items()}


def gap_bits(point: Point, curves: Mapping[str, RateDistortionCurve]) -> dict[str, float | None]:
    """The gap in bit/sample to every bound; None where it is undefined (``gaps`` says why)."""
    return {name: found.bits for name, found in gaps(point, curves).items()}


def zero_rate_distortion(curves: Mapping[str, RateDistortionCurve]) -> float:
    """D0 = 1 − max p(y): where the oracle reaches zero rate."""
    if ORACLE not in curves:
        raise InputError(f"gaps need the oracle among the curves, got {', '.join(curves) or 'none'}")
    return float(curves[ORACLE].distortion[-1])


@dataclass(frozen=True)
class Reference:
    """The corner up to which a hypervolume is measured, in the objectives' own units.

    ``values`` has a key for every objective; ``reasons`` says why a value is None.
    """

    values: Mapping[str, float | None]
    reasons: Mapping[str, str]

    def complete(self, objectives: Iterable[str]) -> dict[str, float] | None:
        """The reference of these objectives, or None where one of them has no value."""
        found = {name: self.values.get(name) for name in objectives}
        known = {name: value for name, value in found.items() if value is not None}
        return known if len(known) == len(found) else None

    def why_not(self, objectives: Iterable[str]) -> str:
        """Why ``complete`` gives None; empty where it does not."""
        return "; ".join(self.reasons[name] for name in objectives if name in self.reasons)


def reference_point(
    objectives: Iterable[str],
    given: Mapping[str, float],
    *,
    zero_rate_distortion: float | None,
    raw_bits: float | None,
    task_model_bytes: float | None,
) -> Reference:
    """The sweep file's reference, completed by the defaults.

    accuracy: 1 − D0 of the test labels; rate_bits: the raw bits of a sample; transmitter_bytes: twice the
    task model's bytes; encode_ms, transmitter_macs and metrics have no default. Rate and accuracy are always there:
    their projection needs them.
    """
    defaults = {
        "accuracy": None if zero_rate_distortion is None else 1.0 - zero_rate_distortion,
        "rate_bits": raw_bits,
        "transmitter_bytes": None if task_model_bytes is None else 2.0 * task_model_bytes,
    }
    asked = dict.fromkeys([*RATE_ACCURACY, *objectives])
    names = [name for name in OBJECTIVES if name in asked] + [
        name for name in asked if name not in OBJECTIVES
    ]
    values = {name: given.get(name, defaults.get(name)) for name in names}
    return Reference(values, {name: _why_missing(name) for name in names if values[name] is None})


def _why_missing(objective: str) -> str:
    if objective not in WITH_DEFAULT_REFERENCE:
        return f"reference: {objective} has no default, the sweep file must give it"
    source = {
        "accuracy": "the task model's predictions",
        "rate_bits": "the raw bits of a sample",
        "transmitter_bytes": "the task model's bytes",
    }[objective]
    return f"reference: the default of {objective} needs {source}, not known yet"


def oracle_hypervolume(curves: Mapping[str, RateDistortionCurve], reference: Mapping[str, float]) -> float:
    """The oracle's own rate–accuracy hypervolume: ∫ log2(1+R_ref) − log2(1+R(D)) over D from 0 to 1 −
    A_ref, where positive.

    Trapezoids over the oracle's own points and a grid; the reference is that of
    ``hypervolume_rate_accuracy``.
    """
    oracle, end = curves[ORACLE], 1.0 - reference["accuracy"]
    if end <= 0.0:
        return 0.0
    inner = oracle.distortion[(oracle.distortion > 0.0) & (oracle.distortion < end)]
    distortion = np.unique(np.concatenate([inner, np.linspace(0.0, end, 4097)]))
    rate = np.interp(distortion, oracle.distortion, oracle.rate_bits)
    height = np.maximum(0.0, on_axis("rate_bits", reference["rate_bits"]) - np.log2(1.0 + rate))
    return float(np.sum((height[1:] + height[:-1]) / 2 * np.diff(distortion)))


def hypervolume_rate_accuracy(
    points: Sequence[Point], curves: Mapping[str, RateDistortionCurve], reference: Mapping[str, float]
) -> float | None:
    """The points' rate–accuracy hypervolume as a fraction of the oracle's between the same reference; in
    [0, 1] for codecs that keep the oracle. None where the oracle has no volume there."""
    whole = oracle_hypervolume(curves, reference)
    if whole <= 0.0:
        return None
    return hypervolume([(p.rate_bits, p.accuracy) for p in points], RATE_ACCURACY, reference) / whole


@dataclass(frozen=True)
class Overlay:
    """The bounds of a task model on the evaluated samples, ready to be drawn and compared with.

    ``curves`` are as computed; ``task_model_distortion`` is D_TM; ``warnings`` say where samples are too few or
    posteriors wrong.
    """

    curves: Mapping[str, RateDistortionCurve]
    samples: int
    classes: int
    task_model_distortion: float
    warnings: tuple[str, ...] = ()

    @cached_property
    def zero_rate_distortion(self) -> float:
        return zero_rate_distortion(self.curves)

    @cached_property
    def envelopes(self) -> dict[str, RateDistortionCurve]:
        """What gaps are measured to: the curves, those that are not convex replaced by their lower hulls."""
        return {name: _comparable(curve, self.zero_rate_distortion) for name, curve in self.curves.items()}

    def gaps(self, point: Point) -> dict[str, Gap]:
        return gaps(point, self.envelopes)


def overlay_of(labels: npt.ArrayLike, logits: npt.ArrayLike, asked_for: Collection[str] = ()) -> Overlay:
    """The bounds of test labels (N,) and the task model's logits (N, K): those of the theory, and the curves
    asked for besides.

    Raises
    ------
    InputError
        The predictions are not usable: wrong shapes, NaN, labels out of range.
    """
    predictions = Predictions.from_logits(labels, logits)
    wrong = float(np.mean(predictions.predicted != predictions.labels))
    found = curves_with_doubts(predictions, besides=asked_for)
    return Overlay(
        curves=found.curves,
        samples=predictions.samples,
        classes=predictions.classes,
        task_model_distortion=wrong,
        warnings=found.warnings,
    )
