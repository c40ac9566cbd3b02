"""``importance.json``: how much each parameter decides whether a trial is among the best, for each objective.

The measure is PED-ANOVA (Watanabe et al. 2023, by Optuna): how far the best ``BEST`` of the trials in an objective (at
least ``LEAST_BEST``) have other values of a parameter than all trials have. It is computed within each family, since
families have parameters of their own, and for the family itself beside the parameters of all families. The importances
that are computed together add up to 1. A parameter of which every trial has the same value has none.

The values are those on validation, of trials that finished. What depends on few trials says little; under
``LEAST_TRIALS`` nothing is said.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ratefront.errors import UnknownCostError
from ratefront.history.sweep_history import SweepHistory, TrialHistory
from ratefront.store.views.front_trials import result_of
from ratefront.trial_records import Objectives, Scalar, objectives_of

#: Fewer trials than this say nothing.
LEAST_TRIALS = 10
#: The best trials of an objective: so many of all, and at least so many.
BEST, LEAST_BEST = 0.1, 5
#: Of a longer sweep, so many trials are looked at, spread evenly over it.
MOST_TRIALS = 1000
#: Numbers that span at least this factor are looked at by their logarithm.
LOG_FACTOR = 10.0

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
            "method": "PED-ANOVA",
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
    return Importance({name: _of_objective(trials, name, objectives) for name in objectives})


def _of_objective(trials: Sequence[TrialHistory], name: str, objectives: Objectives) -> ObjectiveImportance:
    measured = [(trial, value) for trial in trials if (value := _value(trial, name)) is not None]
    if objectives[name] == "maximise":
        measured = [(trial, -value) for trial, value in measured]
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
    """Importances of parameters for values of which less is better, the greatest first; or why there are none."""
    if len(rows) < LEAST_TRIALS:
        return f"{len(rows)} finished trials, under {LEAST_TRIALS}"
    if len({value for _, value in rows}) == 1:
        return "every trial has the same value"
    columns = {name: _comparable(rows, name) for name in {name: None for row, _ in rows for name in row}}
    varied = {name: column for name, column in columns.items() if len(set(column.values())) > 1}
    if not varied:
        return "no parameter was varied"
    found = _ped_anova(varied, [value for _, value in rows])
    total = sum(found.values())
    if not total > 0:
        return "the best trials have the same parameters as all others"
    shares = {name: value / total for name, value in found.items()}
    return dict(sorted(shares.items(), key=lambda item: (-item[1], item[0])))


def _comparable(rows: Sequence[tuple[Mapping[str, Scalar], float]], name: str) -> Mapping[int, float | str]:
    """The values of a parameter by row, where it has one: texts, or positions from 0 (least) to 1 (greatest)."""
    values = {place: row[name] for place, (row, _) in enumerate(rows) if name in row}
    if any(isinstance(value, bool | str) for value in values.values()):
        return {place: str(value) for place, value in values.items()}
    numbers = {place: float(value) for place, value in values.items()}
    low, high = min(numbers.values()), max(numbers.values())
    if low > 0 and high / LOG_FACTOR >= low:
        numbers = {place: math.log(value) for place, value in numbers.items()}
        low, high = math.log(low), math.log(high)
    span = high / 2 - low / 2 or 1.0  # halves: the difference of two numbers may be too large for one
    return {place: min(1.0, (value / 2 - low / 2) / span) for place, value in numbers.items()}


def _ped_anova(varied: Mapping[str, Mapping[int, float | str]], values: Sequence[float]) -> dict[str, float]:
    import optuna
    from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
    from optuna.importance import PedAnovaImportanceEvaluator
    from optuna.trial import create_trial

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    distributions: dict[str, BaseDistribution] = {}
    for name, column in varied.items():
        texts = sorted({value for value in column.values() if isinstance(value, str)})
        distributions[name] = CategoricalDistribution(texts) if texts else FloatDistribution(0.0, 1.0)
    study = optuna.create_study(direction="minimize")
    for place, value in enumerate(values):
        shown = {name: column[place] for name, column in varied.items() if place in column}
        taken = {name: distributions[name] for name in shown}
        study.add_trial(create_trial(params=shown, distributions=taken, value=value))
    best = min(0.5, max(BEST, LEAST_BEST / len(values)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        found = PedAnovaImportanceEvaluator(target_quantile=best).evaluate(study)
    return {name: max(0.0, float(found.get(name, 0.0))) for name in varied}
