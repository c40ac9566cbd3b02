"""``importance.json``: how much each parameter decides in which order trials stand, for each objective.

A random forest (by scikit-learn) learns the trials' ranks in an objective from their parameters. The importance of a
parameter is its share of the variance that the forest's splits explain. It is computed within each family, since
families have parameters of their own, and for the family itself beside the parameters of all families. The importances
that are computed together add up to 1. A parameter of which every trial has the same value has none. Where a trial has
no value of a parameter, because it took another branch of the space, it counts as an ordinary one: what the branch
decides is the branch's.

The values are those on validation, of trials that finished. What depends on few trials says little; under
``LEAST_TRIALS`` nothing is said.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from ratefront.errors import UnknownCostError
from ratefront.history.sweep_history import SweepHistory, TrialHistory
from ratefront.store.views.front_trials import result_of
from ratefront.trial_records import Scalar, objectives_of

#: Fewer trials than this say nothing.
LEAST_TRIALS = 10
#: Of a longer sweep, so many trials are looked at, spread evenly over it.
MOST_TRIALS = 1000
#: Of the forest. With twice as many, the importances change in the third digit.
TREES = 32

_FAMILY = "family"


@dataclass(frozen=True)
class FamilyImportance:
    """The parameters of one family for one objective.

    Attributes:
        trials: How many trials of the family it rests on.
        parameters: Importance in [0, 1] by parameter, the greatest first, 1 in all; None where nothing can be said.
        reason: Why not; empty where ``parameters`` are given.
    """

    trials: int
    parameters: Mapping[str, float] | None
    reason: str = ""


@dataclass(frozen=True)
class ObjectiveImportance:
    """What decides one objective.

    Attributes:
        trials: How many trials the family's importance rests on.
        family: Importance in [0, 1] of the family beside all parameters; None where nothing can be said.
        reason: Why not; empty where ``family`` is given.
        families: The parameters of each family, by its name.
    """

    trials: int
    family: float | None
    reason: str
    families: Mapping[str, FamilyImportance]


@dataclass(frozen=True)
class Importance:
    """How much parameters decide, by objective, on the validation split."""

    objectives: Mapping[str, ObjectiveImportance]

    def to_json(self) -> dict[str, Any]:
        """The content of ``importance.json``."""
        return {
            "split": "validation",
            "method": "random forest",
            "least_trials": LEAST_TRIALS,
            "objectives": {name: _plain(each) for name, each in self.objectives.items()},
        }


def _plain(importance: ObjectiveImportance) -> dict[str, Any]:
    families = {
        name: {**vars(each), "parameters": None if each.parameters is None else dict(each.parameters)}
        for name, each in importance.families.items()
    }
    return {**vars(importance), "families": families}


def importance_of(history: SweepHistory) -> Importance:
    """How much each parameter decides, by the trials that have finished."""
    objectives = objectives_of(history.spec)
    trials = _spread(history.with_status("finished"))
    return Importance({name: _of_objective(trials, name) for name in objectives})


def _of_objective(trials: Sequence[TrialHistory], name: str) -> ObjectiveImportance:
    measured = [(trial, value) for trial in trials if (value := _value(trial, name)) is not None]
    names = sorted({trial.params.family for trial, _ in measured})
    families = {
        family: _of_family([(t, value) for t, value in measured if t.params.family == family])
        for family in names
    }
    if len(names) < 2:
        return ObjectiveImportance(len(measured), None, "no two families have finished trials", families)
    # A parameter of one family is another one than that of the same name of the next.
    rows = [(_own(t, f"{t.params.family}/") | {_FAMILY: t.params.family}, value) for t, value in measured]
    found = _importances(rows)
    if isinstance(found, str):
        return ObjectiveImportance(len(measured), None, found, families)
    return ObjectiveImportance(len(measured), found[_FAMILY], "", families)


def _of_family(measured: Sequence[tuple[TrialHistory, float]]) -> FamilyImportance:
    found = _importances([(_own(trial), value) for trial, value in measured])
    if isinstance(found, str):
        return FamilyImportance(len(measured), None, found)
    return FamilyImportance(len(measured), found)


def _own(trial: TrialHistory, prefix: str = "") -> dict[str, Scalar]:
    """The values of a trial's parameters, apart from its family."""
    return {prefix + name: value for name, value in trial.params.values.items() if name != _FAMILY}


def _value(trial: TrialHistory, objective: str) -> float | None:
    try:
        return result_of(trial).objective(objective)
    except UnknownCostError:
        return None


def _spread(trials: Sequence[TrialHistory]) -> Sequence[TrialHistory]:
    return trials[:: max(1, math.ceil(len(trials) / MOST_TRIALS))]


def _importances(rows: Sequence[tuple[Mapping[str, Scalar], float]]) -> dict[str, float] | str:
    """Importances of parameters for values, the greatest first; or why there are none."""
    if len(rows) < LEAST_TRIALS:
        trials = "trial has" if len(rows) == 1 else "trials have"
        return f"{len(rows)} {trials} finished, under {LEAST_TRIALS}"
    if len({value for _, value in rows}) == 1:
        return "every trial has the same value"
    columns = {name: _features(rows, name) for name in {name: None for row, _ in rows for name in row}}
    varied = {name: column for name, column in columns.items() if np.ptp(column, axis=0).any()}
    if not varied:
        return "no parameter was varied"
    found = _by_forest(varied, [value for _, value in rows])
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def _features(rows: Sequence[tuple[Mapping[str, Scalar], float]], name: str) -> NDArray[np.float64]:
    """A parameter's values as features (N, M): numbers by their rank, of texts one column for each of them."""
    present = [name in row for row, _ in rows]
    values = [row[name] for row, _ in rows if name in row]
    if any(isinstance(value, bool | str) for value in values):
        texts = [str(value) for value in values]
        known = sorted(set(texts))
        ordinary = known.index(Counter(texts).most_common(1)[0][0])
        places = np.full(len(rows), ordinary)
        places[present] = [known.index(text) for text in texts]
        return np.asarray(np.eye(len(known))[places])
    ranks = rankdata([float(value) for value in values], method="dense")
    column = np.full((len(rows), 1), np.median(ranks))
    column[present, 0] = ranks
    return column


def _by_forest(columns: Mapping[str, NDArray[np.float64]], values: Sequence[float]) -> dict[str, float]:
    """The share of each parameter, from its features (N, M), in what decides the order of the values (N)."""
    from sklearn.ensemble import RandomForestRegressor  # it takes a while to load

    forest = RandomForestRegressor(TREES, random_state=0)
    forest.fit(np.hstack(list(columns.values())), rankdata(values))
    ends = np.cumsum([column.shape[1] for column in columns.values()])[:-1]
    shares = np.split(forest.feature_importances_, ends)
    return {name: float(np.sum(share)) for name, share in zip(columns, shares, strict=True)}
