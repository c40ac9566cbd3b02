"""The trials that the search knows: what they measured, as the models and the hypervolume need it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ratefront.engine.search.expected_gain.branch_features import (
    BranchFeatures,
    BranchKey,
    LocatedConfiguration,
)
from ratefront.engine.search.expected_gain.branch_model import (
    SECONDS,
    BranchModel,
    Observations,
    PredictedTrials,
    QuantityPrior,
    cost_of,
    fit_shapes,
    modelled,
    trials_to_fit,
)
from ratefront.engine.search.expected_gain.gaussian_process import Hyperparameters
from ratefront.errors import UnknownCostError
from ratefront.history.sweep_history import TrialHistory
from ratefront.pareto import FloatArray, ranks
from ratefront.spec.goals.constraints import Constraint, meets
from ratefront.trial_records import OBJECTIVES, Direction, Objectives, Scalar, TrialResult

#: The reference lies this share of the trials' extent beyond the worst of them, where it is not known.
MARGIN = 0.1


@dataclass(frozen=True)
class _Measured:
    """A trial that has ended with a result; ``is_point``: it is no collapsed one, and meets the constraints."""

    configuration: LocatedConfiguration
    quantities: Mapping[str, float]
    is_point: bool


class MeasuredTrials:
    """What the shown trials have measured. What was computed for a trial or a branch is kept while it stays as it is.

    Attributes:
        objectives: What is optimised, the rate before the accuracy.
        reference: What is known of the hypervolume's corner, in the objectives' own units.
        limits: Of each constrained quantity that is no objective, the cost that it must not exceed.
    """

    def __init__(
        self,
        features: BranchFeatures,
        objectives: Objectives,
        constraints: Sequence[Constraint],
    ) -> None:
        """Begin without a trial."""
        self.objectives: Objectives = dict(sorted(objectives.items(), key=lambda each: each[0] == "accuracy"))
        self._features, self._constraints = features, constraints
        self.reference: Mapping[str, float] = {}
        self._directions = self._directions_of_all()
        self._all_limits = self._limits()
        self.limits = {n: limit for n, limit in self._all_limits.items() if n not in self.objectives}
        self._known: dict[str, _Measured] = {}
        self._shapes: dict[BranchKey, tuple[tuple[str, ...], dict[str, Hyperparameters]]] = {}
        self._modelled: tuple[str, ...] = ()  # the trials that the models were made of
        self._models: dict[BranchKey, BranchModel] = {}

    def __bool__(self) -> bool:
        return bool(self._known)

    def _directions_of_all(self) -> dict[str, Direction]:
        """Return every quantity that is modelled, but the seconds, with the direction in which it is better."""
        directions = dict(self.objectives)
        for constraint in self._constraints:
            better: Direction = "minimise" if constraint.relation == "<=" else "maximise"
            directions.setdefault(constraint.name, OBJECTIVES.get(constraint.name, better))
        return dict(sorted(directions.items(), key=lambda each: each[0] == "accuracy"))

    def _limits(self) -> dict[str, float]:
        """Return the cost that a quantity must not exceed; limits from the other side bound nothing that is sought."""
        limits: dict[str, float] = {}
        for each in self._constraints:
            direction = self._directions[each.name]
            if (each.relation == "<=") == (direction == "minimise"):
                limit = cost_of(each.name, modelled(each.name, direction, each.limit))
                limits[each.name] = min(limit, limits.get(each.name, math.inf))
        return limits

    def take_in(self, shown: Mapping[str, TrialHistory]) -> None:
        """Hold the trials with a result of those that are shown, in their order."""
        self._known = {
            name: self._known.get(name) or self._measure(trial, trial.result)
            for name, trial in shown.items()
            if trial.result is not None
        }

    def _measure(self, trial: TrialHistory, result: TrialResult) -> _Measured:
        quantities: dict[str, float] = {}
        for name, direction in self._directions.items():
            try:
                quantities[name] = modelled(name, direction, result.objective(name))
            except UnknownCostError:  # of a constraint: an objective is known
                quantities[name] = modelled(name, direction, 1e18 if direction == "minimise" else -1e18)
        took_s = _took_s(trial)
        quantities[SECONDS] = math.nan if took_s is None else math.log(max(took_s, 1e-3))
        is_point = trial.status == "finished" and meets(result, self._constraints)
        return _Measured(self._features.locate(trial.params.values), quantities, is_point)

    def points_of(self, predicted: PredictedTrials) -> list[FloatArray]:
        """Return the most probable costs (M,) of trials, of those that would keep within the limits."""
        within = np.ones(len(predicted.seconds), dtype=bool)
        for name, limit in self.limits.items():
            within &= predicted.means([name])[:, 0] <= limit
        return list(predicted.means(self.objectives)[within])

    # The front.

    def points(self) -> list[FloatArray]:
        """Return the costs (M,) of the trials that may be on the front."""
        return [self._costs(each) for each in self._known.values() if each.is_point]

    def front(self) -> list[Mapping[str, Scalar]]:
        """Return the configurations of the front."""
        costs = {name: self._costs(each) for name, each in self._known.items() if each.is_point}
        rank_of = ranks(
            {name: tuple(cost) for name, cost in costs.items()}, dict.fromkeys(self.objectives, "minimise")
        )
        return [self._known[name].configuration.values for name in costs if rank_of[name] == 1]

    def corner(self) -> FloatArray:
        """Return the hypervolume's corner (M,): what is known of it, else a little beyond the worst trial.

        A constraint on an objective cuts it off.
        """
        costs = np.array([self._costs(each) for each in self._known.values()])
        corner = costs.max(axis=0) + MARGIN * np.ptp(costs, axis=0) + 1e-9
        for place, (name, direction) in enumerate(self.objectives.items()):
            if name in self.reference:
                corner[place] = cost_of(name, modelled(name, direction, self.reference[name]))
            corner[place] = min(corner[place], self._all_limits.get(name, math.inf))
        return np.asarray(corner)

    def _costs(self, measured: _Measured) -> FloatArray:
        return np.array([cost_of(n, measured.quantities[n]) for n in self.objectives])

    # Models.

    def models(self) -> dict[BranchKey, BranchModel]:
        """Return the model of each branch that has a trial."""
        names: dict[BranchKey, list[str]] = {}
        for name, each in self._known.items():
            names.setdefault(each.configuration.branch, []).append(name)
        if tuple(self._known) != self._modelled:
            self._modelled = tuple(self._known)
            self._models = {branch: self._model(branch, tuple(own)) for branch, own in names.items()}
        return dict(self._models)

    def model_of_untried(self, branch: BranchKey) -> BranchModel:
        """Return the model of a branch without a trial: as wide as trials of its family, or all trials, are."""
        return BranchModel(Observations(np.empty((0, 1)), {}), self._priors(branch), {})

    def _model(self, branch: BranchKey, names: tuple[str, ...]) -> BranchModel:
        fitted = names[: trials_to_fit(len(names))]
        if self._shapes.get(branch, ((), {}))[0] != fitted:
            own = self._observations(fitted)
            priors = {name: QuantityPrior.of(name, each, each) for name, each in own.quantities.items()}
            self._shapes[branch] = fitted, fit_shapes(own, priors)
        return BranchModel(self._observations(names), self._priors(branch), self._shapes[branch][1])

    def _values(self, trials: Iterable[_Measured], name: str) -> FloatArray:
        """Return a quantity of trials; where the seconds are not known, the mean of those that are."""
        values = np.array([each.quantities[name] for each in trials])
        missing = np.isnan(values)
        if name == SECONDS and missing.any():
            known = np.array([each.quantities[name] for each in self._known.values()])
            values[missing] = 0.0 if np.all(np.isnan(known)) else np.nanmean(known)
        return values

    def _observations(self, names: Iterable[str]) -> Observations:
        trials = [self._known[name] for name in names]
        return Observations(
            np.stack([each.configuration.features for each in trials]),
            {name: self._values(trials, name) for name in self._quantities},
        )

    def _priors(self, branch: BranchKey) -> dict[str, QuantityPrior]:
        """Return the priors of a branch, from the trials of its family, or from all."""
        everything = list(self._known.values())
        alike = [each for each in everything if each.configuration.branch[:1] == branch[:1]] or everything
        return {
            name: QuantityPrior.of(name, self._values(alike, name), self._values(everything, name))
            for name in self._quantities
        }

    @property
    def _quantities(self) -> tuple[str, ...]:
        return (*self._directions, SECONDS)


def _took_s(trial: TrialHistory) -> float | None:
    """Return how long a trial's last attempt took; None of an earlier sweep's trial."""
    if trial.started_time is None or trial.ended_time is None:
        return None
    return trial.ended_time - trial.started_time
