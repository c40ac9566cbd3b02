"""An Optuna study in memory that holds what a sampler's memory shows, and the samplers that are asked through it.

The state of a trial in the study:

=========================  =================================================================
planned, running           RUNNING: TPE counts them as bad (constant liar), so that slots do not repeat each other
finished                   COMPLETE with the objectives on validation; infeasible where it does not meet a constraint
collapsed                  COMPLETE and infeasible: never a best trial, avoided by the samplers
pruned, stopped            PRUNED
failed                     not there: nothing is learned from it
=========================  =================================================================
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, NSGAIISampler, TPESampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState, create_trial
from typing_extensions import override

from ratefront.engine.search.sampler_memory import MAX_ENDED, POPULATION
from ratefront.engine.search.sampler_ranking import search_value
from ratefront.history.sweep_history import TrialHistory
from ratefront.optuna_space import Distributions, Values, directions_of, distribution_of, to_optuna
from ratefront.spec.goals.constraints import Constraint, values_of, violations
from ratefront.spec.space.dimensions import Branch, Choice, Constant, Float, Int, Leaf, Space, assign
from ratefront.trial_records import Objectives, Scalar, Status

_STATES: Mapping[Status, TrialState] = {
    "planned": TrialState.RUNNING,
    "running": TrialState.RUNNING,
    "finished": TrialState.COMPLETE,
    "collapsed": TrialState.COMPLETE,
    "pruned": TrialState.PRUNED,
    "stopped": TrialState.PRUNED,
}

#: How many discarded trials the study may hold. Samplers do not see them; with more of them the study is built anew.
MAX_DISCARDED = 1000


def _not_none(value: Scalar | None) -> Scalar:
    """The value, which is never None in our spaces although Optuna's categories may be None."""
    if value is None:
        raise ValueError("a choice holds None")
    return value


class _Shown(NamedTuple):
    """How the study holds a trial that it was shown."""

    number: int
    state: TrialState


class SamplerStudy:
    """Asks samplers for values. Earlier questions leave no trace."""

    def __init__(self, space: Space, objectives: Objectives, constraints: Sequence[Constraint] = ()) -> None:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._space, self._objectives, self._constraints = space, objectives, constraints
        self.branches = branches_of(space)
        self._begin()

    def _begin(self) -> None:
        self.study = optuna.create_study(directions=directions_of(self._objectives))
        self._shown: dict[str, _Shown] = {}
        self._discarded = 0

    def numbers(self, names: Sequence[str]) -> set[int]:
        """The study's own numbers of these trials, which it was shown before."""
        return {self._shown[name].number for name in names}

    def show(self, shown: Mapping[str, TrialHistory]) -> None:
        """Make the study hold what a memory shows, in the memory's order."""
        if not self._extend(shown):
            self._begin()
            self._extend(shown)

    def _extend(self, shown: Mapping[str, TrialHistory]) -> bool:
        """Add what is new. False where adding is not enough: a study cannot change a trial that has ended."""
        for name, held in list(self._shown.items()):
            if name not in shown or _STATES[shown[name].status] is not held.state:
                if held.state is not TrialState.RUNNING:
                    return False
                self._discard(held.number)
                del self._shown[name]
        in_order = all(name == wanted for name, wanted in zip(self._shown, shown, strict=False))
        if not in_order or self._discarded > MAX_DISCARDED:
            return False
        for name in list(shown)[len(self._shown) :]:
            self._add(name, shown[name])
        return True

    def _add(self, name: str, trial: TrialHistory) -> None:
        params, distributions = to_optuna(self._space, trial.params.values)
        state, result = _STATES[trial.status], trial.result
        self.study.add_trial(
            create_trial(
                state=state,
                params=params,
                distributions=distributions,
                values=None if result is None else [search_value(goal, result) for goal in self._objectives],
                constraints=self._beyond(trial) or None,
            )
        )
        self._shown[name] = _Shown(len(self._shown) + self._discarded, state)

    def _beyond(self, trial: TrialHistory) -> dict[str, float]:
        """How far the trial is beyond each constraint; greater than 0 where it does not meet it."""
        beyond = {"collapsed": 1.0} if trial.status == "collapsed" else {}
        if trial.result is not None:
            measured = violations(self._constraints, values_of(trial.result, self._constraints))
            beyond |= {each.text: far for each, far in zip(self._constraints, measured, strict=True)}
        return beyond

    def _discard(self, number: int) -> None:
        self.study.tell(number, state=TrialState.FAIL)
        self._discarded += 1

    def ask(self, sampler: BaseSampler) -> Values:
        """The values that a sampler suggests now."""
        self.study.sampler = sampler
        question = self.study.ask()

        def choose(path: str, leaf: Leaf) -> Scalar:
            match leaf:
                case Float(low, high, log):
                    return question.suggest_float(path, low, high, log=log)
                case Int(low, high, log):
                    return question.suggest_int(path, low, high, log=log)
                case Choice(options):
                    return _not_none(question.suggest_categorical(path, options))

        values = assign(self._space, choose)
        self._discard(question.number)
        return values


class BranchwiseTpe(BaseSampler):
    """TPE that draws all parameters of a branch of the space together, when the first of them is asked for.

    It equals Optuna's ``group=True``, except that branches which a trial does not take cost nothing.
    """

    def __init__(self, branches: Mapping[str, Distributions], startup_trials: int, seed: int) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            self._tpe = TPESampler(
                n_startup_trials=min(startup_trials, MAX_ENDED),
                multivariate=True,
                constant_liar=True,
                seed=seed,
            )
        self._branches = branches
        self._drawn: dict[str, Any] = {}

    @override
    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> Distributions:
        return {}

    @override
    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: Distributions
    ) -> dict[str, Any]:
        return {}

    @override
    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        if param_name not in self._drawn:
            self._drawn |= self._draw(study, trial, self._branches[_branch(param_name)])
        if param_name in self._drawn:
            return self._drawn[param_name]
        return self._tpe.sample_independent(study, trial, param_name, param_distribution)

    def _draw(self, study: Study, trial: FrozenTrial, together: Distributions) -> dict[str, Any]:
        """Draw all parameters of a branch; none where too few trials have taken it."""
        return self._tpe.sample_relative(study, trial, together)


class Nsga2(NSGAIISampler):
    """NSGA-II that is given its generation and parents instead of looking for them in the study."""

    def __init__(self, generation: int, parents: set[int], seed: int) -> None:
        super().__init__(population_size=POPULATION, seed=seed)
        self._generation, self._parents = generation, parents

    @override
    def get_trial_generation(self, study: Study, trial: FrozenTrial) -> int:
        return self._generation

    @override
    def get_parent_population(self, study: Study, generation: int) -> list[FrozenTrial]:
        return [trial for trial in study.get_trials(deepcopy=False) if trial.number in self._parents]


def _branch(path: str) -> str:
    return path.rpartition("/")[0]


def branches_of(space: Space, branch: str = "") -> dict[str, Distributions]:
    """Each branch of the space (``""``, ``split``, ``split/refine/sga``) with its own parameters.

    Parameters are named by their path; those with a single value are left out.
    """
    parameters: Distributions = {}
    branches = {branch: parameters}
    prefix = f"{branch}/" if branch else ""
    for name, dimension in space.items():
        match dimension:
            case Constant():
                continue
            case Branch(options):
                parameters[prefix + name] = distribution_of(Choice(tuple(options)))
                for option, inner in options.items():
                    branches |= branches_of(
                        inner, prefix + (option if name == "family" else f"{name}/{option}")
                    )
            case leaf:
                parameters[prefix + name] = distribution_of(leaf)
    for path in [path for path, distribution in parameters.items() if distribution.single()]:
        del parameters[path]
    return branches
