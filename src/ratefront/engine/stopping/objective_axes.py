"""Objectives on the axes of early stopping: what a trial reports while it runs, and what its transmitter costs.

All axes are minimised. Rates, sizes and times are log2(1 + value), as in the hypervolume. The accuracy is
−log2(a / (1 − a)): near 1 the learning curves of like trials have like slopes there. Metrics are as they are.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from ratefront.engine.stopping.front_rule import OracleAxes
from ratefront.errors import UnknownCostError
from ratefront.trial_records import LOGARITHMIC, OBJECTIVES, Objectives, TrialResult

Point = tuple[float, ...]

#: Accuracies closer to 0 or 1 than this are as good as 0 or 1: a validation split has hundreds of samples.
LEAST_ERROR = 0.002

#: What a trial reports under another name than its objective.
_REPORTED_AS: Mapping[str, str] = {"rate_bits": "rate_bits_estimated"}

#: Objectives that follow from the transmitter alone; a trial measures them at its end.
COSTS = ("transmitter_bytes", "transmitter_macs", "encode_ms")


class ObjectiveAxes:
    """The objectives of a sweep, parted into those with a learning curve and those of the transmitter."""

    def __init__(self, objectives: Objectives) -> None:
        self.curves = [name for name in objectives if name not in COSTS]
        self.costs = [name for name in objectives if name in COSTS]
        self._signs = {name: 1.0 if way == "minimise" else -1.0 for name, way in objectives.items()}

    def now(self, metrics: Mapping[str, float]) -> Point | None:
        """What a report says on the curve axes; None where it lacks an objective."""
        reported = [metrics.get(_REPORTED_AS.get(name, name)) for name in self.curves]
        known = [value for value in reported if value is not None]
        return self._point(self.curves, known) if known and len(known) == len(reported) else None

    def end(self, result: TrialResult) -> tuple[Point, Point] | None:
        """A result on the curve axes and on the cost axes; None where an objective is not known."""
        try:
            curves = self._point(self.curves, [result.objective(name) for name in self.curves])
            return curves, self._point(self.costs, [result.objective(name) for name in self.costs])
        except UnknownCostError:
            return None

    def _point(self, names: Sequence[str], values: Sequence[float]) -> Point:
        return tuple(
            self._signs[name] * _scaled(name, value) for name, value in zip(names, values, strict=True)
        )

    def oracle(self, curve: Sequence[tuple[float, float]]) -> OracleAxes | None:
        """The oracle's points (D, R) on the curve axes; None where rate and accuracy are not both objectives."""
        if not {"rate_bits", "accuracy"} <= set(self.curves) or not curve:
            return None
        accuracy = np.array([-_scaled("accuracy", 1.0 - distortion) for distortion, _ in curve])
        rate = np.array([_scaled("rate_bits", rate_bits) for _, rate_bits in curve])
        return OracleAxes(
            self.curves.index("rate_bits"), self.curves.index("accuracy"), *_increasing(accuracy, rate)
        )


_Array = npt.NDArray[np.float64]


def _increasing(accuracy: _Array, rate: _Array) -> tuple[_Array, _Array]:
    """The same curve with increasing first coordinates; of equal ones the least rate, so that nothing is claimed."""
    order = np.lexsort((rate, accuracy))
    kept = np.concatenate([[True], np.diff(accuracy[order]) > 0])
    return accuracy[order][kept], rate[order][kept]


def _scaled(name: str, value: float) -> float:
    if name in LOGARITHMIC:
        return math.log2(1.0 + max(0.0, value))
    if name == "accuracy" and name in OBJECTIVES:
        share = min(max(value, LEAST_ERROR), 1.0 - LEAST_ERROR)
        return math.log2(share / (1.0 - share))
    return float(value)
