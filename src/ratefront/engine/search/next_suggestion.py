"""The next trial to try: what a sampler suggests that has seen what the history's memory shows.

The memory is told what the ledger says, event by event; only a question makes an Optuna study of it, and the sampler
that is asked is made anew from (seed, n). So a suggestion is a function of (seed, n, history), the same after a
replay and in another process, and a replay that asks nothing costs nothing.

A trial is a function of its values but for its seed, and samplers like to repeat what was good where a space has few
points (a family without a real parameter). A suggestion that was planned before is therefore asked for anew, a few
times; then any other configuration is taken that was not. Where a space has none left, those are tried again, with
other seeds, into whose results a seed enters; where it has none of these either, it is exhausted.
"""

from __future__ import annotations

from functools import cached_property
from random import Random
from typing import TYPE_CHECKING

from ratefront.engine.search.first_trials import random_choice, spread_trial
from ratefront.engine.search.sampler_memory import BoundedMemory, GenerationMemory, SamplerMemory
from ratefront.engine.search.stable_seed import stable_seed
from ratefront.history.sweep_history import TrialHistory
from ratefront.records import Objectives, Scalar
from ratefront.spec.schema import Sampler, SweepSpec
from ratefront.spec.space.configurations import configurations, count, uses_seed
from ratefront.spec.space.dimensions import Space, assign

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

    from ratefront.engine.search.sampler_study import SamplerStudy
    from ratefront.optuna_space import Values

#: How often the sampler is asked where it repeats an earlier trial, then how often a draw is tried, before the space is
#: searched for what is left of it.
SAMPLER_QUESTIONS = 4
QUESTIONS = SAMPLER_QUESTIONS + 20


class Suggester:
    """Suggests values for trials; must be told of every change of a trial, in the order of the ledger."""

    def __init__(self, sampler: Sampler, space: Space, objectives: Objectives) -> None:
        self._settings, self._space, self._objectives = sampler, space, objectives
        self._memory: SamplerMemory = (GenerationMemory if sampler.name == "nsga2" else BoundedMemory)(
            objectives
        )
        self._tried: set[frozenset[tuple[str, Scalar]]] = set()
        self._size = count(space)

    @classmethod
    def of(cls, spec: SweepSpec, space: Space) -> Suggester:
        return cls(spec.sampler, space, spec.directions)

    @cached_property
    def _study(self) -> SamplerStudy:
        from ratefront.engine.search.sampler_study import SamplerStudy  # Optuna takes a while to load

        return SamplerStudy(self._space, self._objectives)

    def planned(self, trial: TrialHistory) -> None:
        """A trial exists now and has not ended: a new one, or one that had failed."""
        self._tried.add(frozenset(trial.params.values.items()))
        self._memory.opened(trial)

    def ended(self, trial: TrialHistory) -> None:
        """A trial has ended, as its status says."""
        self._memory.ended(trial)

    @property
    def is_exhausted(self) -> bool:
        """True where every configuration was planned, and none would give another result with another seed."""
        return self._all_tried and not self._some_use_seeds

    @property
    def _all_tried(self) -> bool:
        return self._size is not None and len(self._tried) >= self._size

    @cached_property
    def _some_use_seeds(self) -> bool:
        """Asked once all were tried: before, it is not known of those that were not."""
        return any(uses_seed(dict(values)) for values in self._tried)

    def suggest(self, number: int) -> Values:
        """The values of trial ``number`` (from 0), given what was told so far; of an exhausted space a repeated one."""
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
        if number < self._settings.startup_trials and question == 0:
            return spread_trial(self._space, self._settings.seed, number)
        seed = stable_seed("suggest", self._settings.seed, number, question)
        if number < self._settings.startup_trials or question >= SAMPLER_QUESTIONS:
            return assign(self._space, random_choice(Random(seed)))  # noqa: S311
        if self._settings.name == "random":
            return assign(self._space, random_choice(Random(seed)))  # noqa: S311
        self._study.show(self._memory.shown)
        return self._study.ask(self._sampler(seed))

    def _sampler(self, seed: int) -> BaseSampler:
        from ratefront.engine.search.sampler_study import BranchwiseTpe, Nsga2

        if isinstance(self._memory, GenerationMemory):
            return Nsga2(self._memory.current, self._study.numbers(self._memory.parents), seed)
        return BranchwiseTpe(self._study.branches, max(2, self._settings.startup_trials // 2), seed)
