"""Hypervolumes of rate and accuracy: the default reference point, and the share of the oracle's hypervolume.

This is the only module that computes them; a point's gaps are computed by the bounds (``Bounds.gaps``). Everything
is measured on the evaluated samples: the bounds come from the task model's predictions on the test split, and the
oracle's prior is the test labels' own counts. D = 1 − A; rates are in bit/sample.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ratefront.bounds import ORACLE, RateDistortionCurve
from ratefront.pareto import hypervolume, on_axis
from ratefront.trial_records import OBJECTIVES, RATE_ACCURACY, WITH_DEFAULT_REFERENCE


class RateAccuracyPoint(Protocol):
    """What a rate–accuracy hypervolume needs of a point; ``trial_records.FrontPoint`` is one."""

    @property
    def rate_bits(self) -> float:
        """In bit/sample."""
        ...

    @property
    def accuracy(self) -> float:
        """In [0, 1]."""
        ...


@dataclass(frozen=True)
class ReferencePoint:
    """The corner up to which a hypervolume is measured, in the objectives' own units.

    Attributes:
        values: The value of every objective; None if it is not known.
        reasons: Why a value is None, by objective.
    """

    values: Mapping[str, float | None]
    reasons: Mapping[str, str]

    def complete(self, objectives: Iterable[str]) -> dict[str, float] | None:
        """Return the reference of these objectives, or None where one of them has no value."""
        values = {name: self.values.get(name) for name in objectives}
        known = {name: value for name, value in values.items() if value is not None}
        return known if len(known) == len(values) else None

    def why_incomplete(self, objectives: Iterable[str]) -> str:
        """Return why ``complete`` gives None; empty where it does not."""
        return "; ".join(self.reasons[name] for name in objectives if name in self.reasons)


def reference_point(
    objectives: Iterable[str],
    sweep_file_values: Mapping[str, float],
    *,
    zero_rate_distortion: float | None,
    raw_bits: float | None,
    task_model_bytes: float | None,
) -> ReferencePoint:
    """Return the sweep file's reference, completed by the defaults.

    The defaults are: accuracy, 1 − D0 of the test labels; rate_bits, the raw bits of a sample; transmitter_bytes,
    twice the task model's bytes. encode_ms, transmitter_macs and metrics have no default. Rate and accuracy are
    always in the result, because their projection needs them.

    Args:
        objectives: The objectives of the sweep.
        sweep_file_values: Objective → value, as the sweep file gives them.
        zero_rate_distortion: D0 of the test labels; None if it is not known yet.
        raw_bits: Raw bits of a sample; None if they are not known yet.
        task_model_bytes: Bytes of the task model; None if they are not known yet.
    """
    defaults = {
        "accuracy": None if zero_rate_distortion is None else 1.0 - zero_rate_distortion,
        "rate_bits": raw_bits,
        "transmitter_bytes": None if task_model_bytes is None else 2.0 * task_model_bytes,
    }
    needed = dict.fromkeys([*RATE_ACCURACY, *objectives])
    names = [name for name in OBJECTIVES if name in needed] + [
        name for name in needed if name not in OBJECTIVES
    ]
    values = {name: sweep_file_values.get(name, defaults.get(name)) for name in names}
    return ReferencePoint(values, {name: _why_missing(name) for name in names if values[name] is None})


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
    """Return the oracle's own rate–accuracy hypervolume.

    It is ∫ log2(1 + R_ref) − log2(1 + R(D)) over D from 0 to 1 − A_ref, where positive, by trapezoids over the
    oracle's own points and a grid. The reference is that of ``hypervolume_rate_accuracy``.
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
    points: Sequence[RateAccuracyPoint],
    curves: Mapping[str, RateDistortionCurve],
    reference: Mapping[str, float],
) -> float | None:
    """Return the points' rate–accuracy hypervolume as a fraction of the oracle's, up to the same reference.

    It lies in [0, 1] for codecs that do not lie below the oracle. None where the oracle has no volume there.
    """
    oracle_volume = oracle_hypervolume(curves, reference)
    if oracle_volume <= 0.0:
        return None
    return hypervolume([(p.rate_bits, p.accuracy) for p in points], RATE_ACCURACY, reference) / oracle_volume
