"""Which trials are better than others on several objectives at once."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ratefront.history.sweep_history import TrialHistory
from ratefront.spec.goals.constraints import Constraint, meets
from ratefront.trial_records import LOGARITHMIC, Objectives, TrialResult

FloatArray = npt.NDArray[np.float64]


def search_value(objective: str, result: TrialResult) -> float:
    """An objective as the search sees it: rates, sizes and times as log2(1 + x), as in the hypervolume."""
    value = result.objective(objective)
    return math.log2(1 + value) if objective in LOGARITHMIC else value


def best_trials(
    trials: Sequence[TrialHistory],
    objectives: Objectives,
    count: int,
    constraints: Sequence[Constraint] = (),
) -> list[TrialHistory]:
    """The best ``count`` of the trials, or all.

    First come finished trials that meet the constraints, then those that do not, then collapsed trials, then those
    without a result. Among trials of one kind with a result, lower non-dominated ranks come first. Of the last rank
    that fits only in part, those with the largest crowding distance are taken, as in NSGA-II (Deb et al. 2002); of
    equal trials, the earlier ones.
    """
    finished = [trial for trial in trials if trial.status == "finished"]
    meeting = [trial for trial in finished if trial.result and meets(trial.result, constraints)]
    names = {trial.params.trial_id for trial in meeting}
    beyond = [trial for trial in finished if trial.params.trial_id not in names]
    best: list[TrialHistory] = []
    for kind in (meeting, beyond, [trial for trial in trials if trial.status == "collapsed"]):
        best += _best_measured(kind, objectives, count - len(best))
    without_result = [trial for trial in trials if trial.status in ("pruned", "stopped")]
    return best + without_result[: count - len(best)]


def _best_measured(
    trials: Sequence[TrialHistory], objectives: Objectives, count: int
) -> Sequence[TrialHistory]:
    if len(trials) <= count or count <= 0:
        return trials[:count]
    import moocore

    costs = np.array([_costs(trial, objectives) for trial in trials])
    ranks = np.asarray(moocore.pareto_rank(costs))
    last = np.sort(ranks)[count - 1]
    distances = np.zeros(len(trials))
    distances[ranks == last] = _crowding_distances(costs[ranks == last])
    return [trials[place] for place in np.lexsort((-distances, ranks))[:count]]


def _costs(trial: TrialHistory, objectives: Objectives) -> list[float]:
    if trial.result is None:
        raise ValueError(f"trial {trial.params.trial_id} is {trial.status} without a result")
    signs = {"minimise": 1.0, "maximise": -1.0}
    return [signs[direction] * search_value(name, trial.result) for name, direction in objectives.items()]


def _crowding_distances(costs: FloatArray) -> FloatArray:
    """For each row of costs (N, M), how far its two neighbours lie apart, summed over the objectives.

    Distances are fractions of an objective's range. The first and the last row on an objective have a neighbour on one
    side only; their distance is infinite.
    """
    distances = np.zeros(len(costs))
    for column in costs.T:
        width = np.ptp(column)
        if width > 0:
            order = np.argsort(column, kind="stable")
            neighbours = np.concatenate(([-np.inf], column[order], [np.inf]))
            distances[order] += (neighbours[2:] - neighbours[:-2]) / width
    return distances
