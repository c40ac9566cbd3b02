"""The next trial to try: an Optuna study in memory, which is a projection of the history.

The study is told what the ledger says, event by event, and asked for trial n with a sampler made anew from
(seed, n): a suggestion is a function of (seed, n, history), the same after a replay and in another process.
How a trial stands there:

=========================  =================================================================
planned, running           RUNNING: TPE takes them for bad ones (constant liar), lest slots repeat each other
finished                   COMPLETE with the objectives on validation
collapsed                  COMPLETE and infeasible: never a best trial, avoided by the samplers
pruned                     PRUNED
failed                     FAIL: nothing is learned from it
=========================  =================================================================

Sizes and times are told as log2(1 + x), the axes on which the hypervolume is measured: ranks stay as they
are. A question itself must leave no trace, hence it is put with a trial that is told as FAIL at once.

A trial is a function of its values but for its seed, and samplers like to repeat what was good where a space has few
points (a family without a real parameter). A suggestion that was planned before is therefore asked for anew, a few
times.
"""

from __future__ import annotations

import math
import warnings
from collections import Counter
from collections.abc import Mapping
from random import Random
from typing import TypeAlias

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.samplers import BaseSampler, NSGAIISampler, RandomSampler, TPESampler
from optuna.study import Study, StudyDirection
from optuna.trial import Trial, TrialState, create_trial

from ratefront.engine.seeds import stable_seed
from ratefront.engine.startup import random_choice, spread
from ratefront.history import TrialHistory
from ratefront.records import OBJECTIVES, Scalar, TrialResult
from ratefront.spec.schema import Sampler, SweepSpec
from ratefront.spec.space import Choice, Float, Int, Leaf, Space, assign

Values: TypeAlias = dict[str, Scalar]

#: NSGA-II's population; small, since a sweep has tens to thousands of trials.
POPULATION = 50

#: How often the sampler is asked where it repeats an earlier trial, then how often a draw is tried: a small space may
#: have nothing new left.
SAMPLER_QUESTIONS = 4
QUESTIONS = SAMPLER_QUESTIONS + 20


def search_value(objective: str, result: TrialResult) -> float:
    """An objective as the sampler sees it."""
    value = result.objective(objective)
    return value if objective == "accuracy" else math.log2(1 + value)


def _distribution(leaf: Leaf) -> BaseDistribution:
    match leaf:
        case Float(low, high, log):
            return FloatDistribution(low, high, log=log)
        case Int(low, high, log):
            return IntDistribution(low, high, log=log)
        case Choice(options):
            return CategoricalDistribution(options)


def to_optuna(space: Space, values: Mapping[str, Scalar]) -> tuple[Values, dict[str, BaseDistribution]]:
    """A flat assignment as Optuna's parameters and distributions, both named by the path in the space."""
    params: Values = {}
    distributions: dict[str, BaseDistribution] = {}

    def recall(path: str, leaf: Leaf) -> Scalar:
        value = values[path.rpartition("/")[2]]
        params[path], distributions[path] = value, _distribution(leaf)
        return value

    assign(space, recall)
    return params, distributions


def _not_none(value: Scalar | None) -> Scalar:
    """Optuna's categories may be None; those of a space are not."""
    if value is None:
        raise ValueError("a choice holds None")
    return value


class _Generations:
    """Which NSGA-II generation a trial belongs to: a full population of complete trials opens the next one.

    Optuna notes it on a trial when it is asked; here it must follow from the history alone.
    """

    def __init__(self) -> None:
        self._complete: Counter[int] = Counter()

    @property
    def current(self) -> int:
        newest = max(self._complete, default=0)
        return newest + 1 if self._complete[newest] >= POPULATION else newest

    def completed(self, generation: int) -> None:
        self._complete[generation] += 1


class Suggester:
    """Suggests values for trials; must be told of every change of a trial, in the order of the ledger."""

    def __init__(self, sampler: Sampler, space: Space, objectives: tuple[str, ...]) -> None:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._settings, self._space, self._objectives = sampler, space, objectives
        self._study = self._new_study()
        self._numbers: dict[str, int] = {}  # the study's own numbers: questions are counted there, too
        self._generations = _Generations()
        self._generation_of: dict[str, int] = {}
        self._tried: set[frozenset[tuple[str, Scalar]]] = set()

    @classmethod
    def of(cls, spec: SweepSpec, space: Space) -> Suggester:
        return cls(spec.sampler, space, spec.objectives)

    def _new_study(self) -> Study:
        directions = [
            StudyDirection.MINIMIZE if OBJECTIVES[name] == "minimise" else StudyDirection.MAXIMIZE
            for name in self._objectives
        ]
        return optuna.create_study(directions=directions, sampler=self._sampler(0))

    def _sampler(self, seed: int) -> BaseSampler:
        match self._settings.name:
            case "tpe":
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
                    return TPESampler(
                        n_startup_trials=max(2, self._settings.startup_trials // 2),
                        multivariate=True,
                        group=True,
                        constant_liar=True,
                        seed=seed,
                    )
            case "nsga2":
                return NSGAIISampler(population_size=POPULATION, seed=seed)
            case "random":
                return RandomSampler(seed=seed)

    def suggest(self, number: int) -> Values:
        """The values of trial ``number`` (from 0), given what was told so far; new ones, if there are any near."""
        values = self._suggest(number, 0)
        for question in range(1, QUESTIONS):
            if frozenset(values.items()) not in self._tried:
                break
            values = self._suggest(number, question)
        return values

    def _suggest(self, number: int, question: int) -> Values:
        if number < self._settings.startup_trials and question == 0:
            return spread(self._space, self._settings.seed, number)
        seed = stable_seed("suggest", self._settings.seed, number, question)
        if number < self._settings.startup_trials or question >= SAMPLER_QUESTIONS:
            return assign(self._space, random_choice(Random(seed)))  # noqa: S311
        if self._settings.name == "random":
            return assign(self._space, random_choice(Random(seed)))  # noqa: S311
        return self._ask(seed)

    def _ask(self, seed: int) -> Values:
        self._study.sampler = self._sampler(seed)
        question = self._study.ask()

        def choose(path: str, leaf: Leaf) -> Scalar:
            match leaf:
                case Float(low, high, log):
                    return question.suggest_float(path, low, high, log=log)
                case Int(low, high, log):
                    return question.suggest_int(path, low, high, log=log)
                case Choice(options):
                    return _not_none(question.suggest_categorical(path, options))

        values = assign(self._space, choose)
        self._study.tell(question, state=TrialState.FAIL)
        return values

    def planned(self, trial: TrialHistory) -> None:
        """A trial exists now and has not ended."""
        self._tried.add(frozenset(trial.params.values.items()))
        params, distributions = to_optuna(self._space, trial.params.values)
        attributes = self._open_generation(trial.params.trial_id)
        self._study.add_trial(
            create_trial(
                state=TrialState.RUNNING,
                params=params,
                distributions=distributions,
                system_attrs=attributes,
            )
        )
        self._numbers[trial.params.trial_id] = self._newest_number()

    def _newest_number(self) -> int:
        return self._study.get_trials(deepcopy=False)[-1].number

    def _open_generation(self, trial_id: str) -> dict[str, int]:
        if self._settings.name != "nsga2":
            return {}
        sampler = self._study.sampler
        assert isinstance(sampler, NSGAIISampler)
        generation = self._generations.current
        sampler.get_parent_population(self._study, generation)  # fixed here, not when somebody first asks
        self._generation_of[trial_id] = generation
        return {sampler._get_generation_key(): generation}

    def ended(self, trial: TrialHistory) -> None:
        """A trial has ended, as its status says."""
        number = self._numbers[trial.params.trial_id]
        match trial.status:
            case "finished" | "collapsed":
                self._complete(number, trial)
            case "pruned":
                self._study.tell(number, state=TrialState.PRUNED)
            case _:
                self._study.tell(number, state=TrialState.FAIL)

    def _complete(self, number: int, trial: TrialHistory) -> None:
        if trial.result is None:
            raise ValueError(f"trial {trial.params.trial_id} is {trial.status} without a result")
        if trial.status == "collapsed":
            Trial(self._study, self._trial_key(number)).set_constraint("collapsed", 1.0)
        result = trial.result
        self._study.tell(number, [search_value(name, result) for name in self._objectives])
        if trial.params.trial_id in self._generation_of:
            self._generations.completed(self._generation_of[trial.params.trial_id])

    def _trial_key(self, number: int) -> int:
        return self._study.get_trials(deepcopy=False)[number]._trial_id
