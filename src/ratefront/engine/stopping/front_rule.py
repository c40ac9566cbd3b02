"""The rule that stops a trial: points in, verdict out.

Points lie on *curve axes* (rate, accuracy and reported metrics as ``objective_axes`` has them), all minimised. A trial
is stopped at a rung where all of this holds:

1. Enough like trials have passed the rung and finished. (The caller sees to that.)
2. What it has now is dominated by the front of its transmitter class: what is on the front is never stopped.
3. Even its optimistic end adds no more than ``least_gain`` of that front's hypervolume to it. The optimistic end is
   what the trial has now, changed as its nearest like trials have changed from this rung to their end, each one, and
   by ``margin`` standard deviations of these changes to the better. Changes of all objectives are taken together: a
   trial whose rate falls far usually loses accuracy.
4. Among the like trials at this rung, at least one in ``factor`` has a lower non-dominated rank (successive halving).

The rungs and ranks are those of asynchronous successive halving (Li et al. 2020, arXiv:1810.05934).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ratefront.pareto import FloatArray

#: The corner of a hypervolume lies beyond the worst point by this share of the points' range, so that the best point on
#: one axis adds something however bad it is on the others.
BEYOND = 0.1


class OracleAxes(NamedTuple):
    """The oracle on curve axes: no point lies below it.

    ``accuracy`` (N,) increases strictly, ``rate`` (N,) is the least rate there; the two ints say which axes these are.
    """

    rate_axis: int
    accuracy_axis: int
    accuracy: FloatArray
    rate: FloatArray


class RungComparison(NamedTuple):
    """What is known of a trial at a rung, on M curve axes and C cost axes.

    Attributes:
        now: (M,), what it has reported.
        changes: (K, M), by how much the nearest like trials changed from here to their end.
        class_front: (N, M), finished trials whose transmitter costs no more.
        costs: (C,), what its transmitter will cost.
        rivals: (R, M + C), all other like trials at this rung, with their costs.
        oracle: The oracle, where it is known.
    """

    now: FloatArray
    changes: FloatArray
    class_front: FloatArray
    costs: FloatArray
    rivals: FloatArray
    oracle: OracleAxes | None = None


class StopVerdict(NamedTuple):
    """Why a trial is stopped: the share of the hypervolume that it would add at best, and how many rivals are ahead."""

    gain: float
    ahead: int
    rivals: int


def verdict(
    comparison: RungComparison, *, factor: float, least_gain: float, margin: float
) -> StopVerdict | None:
    """Why the trial is to be stopped; None where it goes on. The numbers are those of the sweep file's ``stopping``."""
    if not len(comparison.class_front) or not is_dominated(comparison.now, comparison.class_front):
        return None
    ends = optimistic_ends(comparison.now, comparison.changes, margin)
    if comparison.oracle is not None:
        ends = raised_to_oracle(ends, comparison.oracle)
    gain = most_gain(ends, comparison.class_front)
    if gain > least_gain:
        return None
    ahead = number_ahead(np.concatenate([comparison.now, comparison.costs]), comparison.rivals)
    if ahead * factor < len(comparison.rivals) + 1:
        return None
    return StopVerdict(gain, ahead, len(comparison.rivals))


def is_dominated(point: FloatArray, others: FloatArray) -> bool:
    """Whether one of the others (N, M) is at least as good as the point (M,) on every axis and better on one."""
    return bool(np.any(np.all(others <= point, axis=1) & np.any(others < point, axis=1)))


def optimistic_ends(now: FloatArray, changes: FloatArray, margin: float) -> FloatArray:
    """Where the trial may end (K, M): changed as each of its like, and by ``margin`` standard deviations better."""
    spread = np.std(changes, axis=0, ddof=1) if len(changes) > 1 else np.zeros(changes.shape[1])
    return np.asarray(now + changes - margin * spread, dtype=np.float64)


def raised_to_oracle(points: FloatArray, oracle: OracleAxes) -> FloatArray:
    """The points (N, M), with the rate of those below the oracle raised to it."""
    raised = points.copy()
    least = np.interp(points[:, oracle.accuracy_axis], oracle.accuracy, oracle.rate)
    raised[:, oracle.rate_axis] = np.maximum(points[:, oracle.rate_axis], least)
    return raised


def most_gain(points: FloatArray, front: FloatArray) -> float:
    """The most that one of the points (K, M) adds to the front's hypervolume, as a share of that."""
    every = np.concatenate([front, points])
    low, width = every.min(axis=0), np.ptp(every, axis=0)
    scale = np.where(width > 0, width, 1.0)  # whatever a metric's unit is, rounding is small beside the range
    placed, corner = (front - low) / scale, np.full(len(low), 1.0 + BEYOND)
    before = _volume(placed, corner)
    ends = (points - low) / scale
    return max(_volume(np.concatenate([placed, end[None]]), corner) - before for end in ends) / before


def _volume(points: FloatArray, corner: FloatArray) -> float:
    if len(corner) == 1:
        return float(corner[0] - points.min())
    import moocore

    return float(moocore.hypervolume(points, ref=corner))


def number_ahead(point: FloatArray, rivals: FloatArray) -> int:
    """How many of the rivals (R, M) have a lower non-dominated rank than the point (M,)."""
    if not len(rivals):
        return 0
    import moocore

    ranks: Sequence[int] = moocore.pareto_rank(np.concatenate([rivals, point[None]]))
    return int(np.sum(np.asarray(ranks[:-1]) < ranks[-1]))
