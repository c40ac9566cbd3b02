"""Pareto fronts and hypervolumes over the objectives of a sweep.

This module knows no bounds and no trials, only names, values and directions. These rules hold for everything here:

* An objective comes with its direction, as ``trial_records.objectives_of`` a sweep's spec gives it.
* a dominates b when a is at least as good on every objective and better on one.
* NaN and infinities are errors: a point must be finite.
* Points that are equal on every objective do not dominate each other. They have the same rank. If one of them is on the
  front, all are.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from ratefront.errors import InputError
from ratefront.trial_records import LOGARITHMIC, Objectives

FloatArray = npt.NDArray[np.float64]


def non_dominated(points: Mapping[str, Sequence[float]], objectives: Objectives) -> list[str]:
    """Return the keys of the Pareto front, rank 1 of ``ranks``.

    They are sorted by the first objective, best first, then by key.

    Args:
        points: key → one value for each objective, in the objectives' own units (bit/sample, fraction, bytes, ms).
        objectives: direction of each, in the order of the values.

    Raises:
        InputError: A value is NaN or infinite (the message names key and objective), or a point has another number
            of values.
    """
    rank_of = ranks(points, objectives)
    costs = as_costs(list(points.values()), objectives)
    best = {key: cost[0] for key, cost in zip(points, costs, strict=True)}
    return sorted((key for key in points if rank_of[key] == 1), key=lambda key: (best[key], key))


def ranks(points: Mapping[str, Sequence[float]], objectives: Objectives) -> dict[str, int]:
    """Return the non-dominated rank of every point, from 1; points that are equal on every objective share theirs.

    Rank n is the Pareto front of the points that are left when all lower ranks are removed. Arguments and errors
    are those of ``non_dominated``.
    """
    if not points:
        return {}
    import moocore

    keys = sorted(points)
    numbers = moocore.pareto_rank(as_costs([points[key] for key in keys], objectives, keys))
    return {key: int(rank) + 1 for key, rank in zip(keys, numbers, strict=True)}


def as_costs(
    values: Sequence[Sequence[float]], objectives: Objectives, keys: Sequence[str] | None = None
) -> FloatArray:
    """Return values (N, M) as an array in which every column is minimised: maximised ones change their sign.

    Args:
        values: N points of M values.
        objectives: M directions.
        keys: names of the points for messages.

    Raises:
        InputError: As ``non_dominated``.
    """
    signs = np.array([1.0 if direction == "minimise" else -1.0 for direction in objectives.values()])
    table = np.empty((len(values), len(objectives)))
    for row, point in enumerate(values):
        name = keys[row] if keys is not None else f"point {row}"
        table[row] = _checked(point, objectives, name)
    return np.asarray(table * signs, dtype=np.float64)


def _checked(point: Sequence[float], objectives: Objectives, key: str) -> Sequence[float]:
    if len(point) != len(objectives):
        raise InputError(f"{key} has {len(point)} values for the objectives {', '.join(objectives)}")
    for name, value in zip(objectives, point, strict=True):
        if not math.isfinite(value):
            raise InputError(f"{key}: {name} must be finite to be a point, got {value}")
    return point


def on_axis(objective: str, value: float) -> float:
    """Return a value on its axis of the hypervolume: rates, sizes and times as log2(1 + value), all else as it is.

    Raises:
        InputError: A rate, a size or a time is negative.
    """
    if objective not in LOGARITHMIC:
        return float(value)
    if value < 0:
        raise InputError(f"{objective} must be ≥ 0, got {value}")
    return math.log2(1.0 + value)


def hypervolume(
    points: Sequence[Sequence[float]], objectives: Objectives, reference: Mapping[str, float]
) -> float:
    """Return the volume that the points dominate, up to ``reference``.

    The axes are A, log2(1 + rate), log2(1 + bytes), log2(1 + ms), and metrics as they are. The volume is not
    normalised: its unit is the product of the axes' units. Points that are not better than the reference on every
    objective add nothing; an empty set has volume 0. The order of the points and dominated points change nothing.

    Args:
        points: shape (N, M), in the objectives' own units.
        objectives: direction of each, in the order of the values.
        reference: objective → value in the same units; transformed like the points.

    Raises:
        InputError: A value is not finite or out of range, or the reference lacks an objective.
    """
    missing = [name for name in objectives if name not in reference]
    if missing:
        raise InputError(f"the reference of the hypervolume lacks {', '.join(missing)}")
    corner = _axis_costs([[reference[name] for name in objectives]], objectives)[0]
    costs = _axis_costs(points, objectives)
    inside = costs[np.all(costs < corner, axis=1)]
    if inside.size == 0:
        return 0.0
    import moocore

    # Sorted, so that rounding too is the same whatever the order in which the trials ended.
    return float(moocore.hypervolume(np.unique(inside, axis=0), ref=corner))


def _axis_costs(points: Sequence[Sequence[float]], objectives: Objectives) -> FloatArray:
    as_costs(points, objectives)  # finite, of the right length
    return as_costs(
        [[on_axis(*pair) for pair in zip(objectives, p, strict=True)] for p in points], objectives
    )
