"""The next suggestion: the values of the next trial, from what the sampler's memory shows of the history.

The memory gets the ledger's events one by one. An Optuna study is made of it only when a suggestion is asked
for, and the sampler is made anew from (seed, number). So a suggestion is a function of (seed, number, history): it is
the same after a replay and in another process. A replay that asks for no suggestion costs nothing.

Points that a person wants to try first are suggested first, in their order. Trials of earlier sweeps are in the memory
from the beginning.

Apart from its seed, a trial is a function of its values, and in a space with few points (a family without a real
parameter) samplers tend to repeat what was good. Where a suggestion was planned before, the sampler is therefore asked
again, a few times; after that, any configuration that was not planned is taken. Where none is left, configurations
whose results depend on the seed are tried again with another seed. Where there are none of these either, the space is
exhausted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from random import Random
from typing import TYPE_CHECKING

from ratefront.engine.search.first_trials import random_choice, spread_trial
from ratefront.engine.search.sampler_memory import as_ended_trial
from ratefront.engine.search.samplers import sampler_of
from ratefront.engine.search.seeds import stable_seed
from ratefront.engine.search.target_search import TargetSearch
from ratefront.history.known_trials import KnownBefore
from ratefront.history.sweep_history import TrialHistory
from ratefront.spec.goals.constraints import Constraint
from ratefront.spec.space.configurations import configurations, count, uses_seed
from ratefront.spec.space.dimensions import Space, assign
from ratefront.spec.space.given_values import given_problems, missing_values
from ratefront.spec.sweep_spec import Sampler, SweepSpec
from ratefront.trial_records import Objectives, Scalar

if TYPE_CHECKING:
    from ratefront.optuna_space import Values

#: How often the sampler is asked where it repeats an earlier trial; and that plus how many random draws follow, before
#: the space is searched for a configuration that is left.
SAMPLER_QUESTIONS = 4
QUESTIONS = SAMPLER_QUESTIONS + 20


class Suggester:
    """Suggests values for trials. Call it for every change of a trial, in the order of the ledger."""

    def __init__(
        self,
        sampler: Sampler,
        space: Space,
        objectives: Objectives,
        constraints: Sequence[Constraint] = (),
        target: TargetSearch | None = None,
    ) -> None:
        self._settings, self._space, self._target = sampler, space, target
        self._sampler = sampler_of(sampler, space, objectives, constraints)
        self._memory = self._sampler.memory
        self._tried: set[frozenset[tuple[str, Scalar]]] = set()
        self._to_try_first: dict[frozenset[tuple[str, Scalar]], Values] = {}
        self._known_trials = 0
        self._size = count(space)

    @classmethod
    def of(cls, spec: SweepSpec, space: Space) -> Suggester:
        """The suggester that a sweep file asks for."""
        target = None
        if spec.target is not None:
            target = TargetSearch(space, spec.target, spec.parsed_constraints, spec.sampler.seed)
        return cls(spec.sampler, space, spec.search_objectives, spec.search_constraints, target)

    def know(self, known: KnownBefore) -> None:
        """Take in what was known before the first trial.

        Trials of earlier sweeps are shown to the sampler like trials that have ended; each stands in for a startup
        trial. Their configurations may be tried here: only a trial of this sweep is a point of it.

        Raises:
            ValueError: The space does not hold a value.
        """
        for values in (*known.start_with, *(trial.values for trial in known.trials)):
            self._check_in_space(values)
        self._to_try_first = {frozenset(values.items()): dict(values) for values in known.start_with}
        self._known_trials = len(known.trials)
        for place, trial in enumerate(known.trials):
            shown = as_ended_trial(trial, place - len(known.trials))
            self._memory.opened(shown)
            self._memory.ended(shown)

    def know_reference(self, reference: Mapping[str, float]) -> None:
        """Take in what is known of the hypervolume's corner, in the objectives' own units."""
        self._sampler.know_reference(reference)

    def _check_in_space(self, values: Mapping[str, Scalar]) -> None:
        missing = [f"{name}: is missing" for name in missing_values(self._space, values)]
        if problem := next(iter([*given_problems(self._space, values), *missing]), None):
            raise ValueError(f"the space of the sweep does not hold {dict(values)}: {problem}")

    def planned(self, trial: TrialHistory) -> None:
        """Take in that a trial was planned, or reopened after it had failed."""
        configuration = frozenset(trial.params.values.items())
        self._tried.add(configuration)
        self._to_try_first.pop(configuration, None)
        self._memory.opened(trial)
        if self._target is not None:
            self._target.planned(trial)

    def ended(self, trial: TrialHistory) -> None:
        """Take in that a trial has ended, as its status says."""
        self._memory.ended(trial)
        if self._target is not None:
            self._target.ended(trial)

    @property
    def is_exhausted(self) -> bool:
        """True where every configuration was planned and no result depends on the seed."""
        return self._all_tried and not self._some_use_seeds

    @property
    def _all_tried(self) -> bool:
        return self._size is not None and len(self._tried) >= self._size

    @cached_property
    def _some_use_seeds(self) -> bool:
        """Whether some result depends on the seed. Ask only when every configuration was tried."""
        return any(uses_seed(dict(values)) for values in self._tried)

    def suggest(self, number: int) -> Values:
        """The values of trial ``number`` (counted from 0), given the history so far.

        Where the space is exhausted, these are values that were planned before.
        """
        if self._to_try_first:
            return next(iter(self._to_try_first.values()))
        for question in range(QUESTIONS):
            values = self._suggest(number, question)
            if self._is_due(values):
                return values
        random = Random(stable_seed("any", self._settings.seed, number))  # noqa: S311
        return next(filter(self._is_due, configurations(self._space, random)), values)

    def _is_due(self, values: Values) -> bool:
        if frozenset(values.items()) not in self._tried:
            return True
        return self._all_tried and uses_seed(values)

    def _suggest(self, number: int, question: int) -> Values:
        is_startup = number < self._sampler.startup_trials - self._known_trials
        if is_startup and question == 0:
            return spread_trial(self._space, self._settings.seed, number)
        if self._target is not None and question == 0:
            at_target = self._target.suggest(number)
            if at_target is not None:
                return at_target
        if not is_startup and question < SAMPLER_QUESTIONS:
            suggested = self._sampler.suggest(number, question, self._is_due)
            if suggested is not None:
                return suggested
        seed = stable_seed("suggest", self._settings.seed, number, question)
        return assign(self._space, random_choice(Random(seed)))  # noqa: S311
