"""What a sampler learns from: a bounded part of the history.

Because it is bounded, a suggestion costs the same after ten thousand trials as after a few hundred. A memory gets
every trial that is planned or reopened and every trial that ends, in the ledger's order. What it shows follows from
that order alone, whenever and however often it is read. Failed trials are not shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from typing_extensions import override

from ratefront.engine.search.sampler_ranking import best_trials
from ratefront.history.known_trials import KnownTrial
from ratefront.history.sweep_history import TrialHistory
from ratefront.spec.goals.constraints import Constraint
from ratefront.trial_records import Objectives, TrialParams

#: Ended trials that stay when a memory forgets, and how many more it takes in before it forgets again (which takes a
#: tenth of a second).
MAX_ENDED, SLACK = 256, 64

#: One of so many trials that stay was chosen because it is among the best.
ONE_IN_BEST = 4

#: How many of the newest trials that have not ended are shown: enough to keep slots from repeating each other.
MAX_UNFINISHED = 64

#: NSGA-II's population; small, since a sweep has tens to thousands of trials.
POPULATION = 50


def as_ended_trial(known: KnownTrial, number: int) -> TrialHistory:
    """A trial of an earlier sweep, as a memory takes in those of this sweep."""
    params = TrialParams(known.name, 0, known.values)
    return TrialHistory(number, params, 0.0, known.status, result=known.result)


def best_and_sample(
    trials: Sequence[TrialHistory],
    objectives: Objectives,
    size: int,
    constraints: Sequence[Constraint] = (),
) -> list[TrialHistory]:
    """Of more than ``size`` trials that many, in their order: the best quarter, and an even sample of all others."""
    if len(trials) <= size:
        return list(trials)
    best = {
        trial.params.trial_id for trial in best_trials(trials, objectives, size // ONE_IN_BEST, constraints)
    }
    others = [trial.params.trial_id for trial in trials if trial.params.trial_id not in best]
    kept = best | {others[place] for place in np.linspace(0, len(others) - 1, size - len(best), dtype=int)}
    return [trial for trial in trials if trial.params.trial_id in kept]


class SamplerMemory(Protocol):
    """What a sampler is shown of the trials of a sweep.

    ``shown`` maps identities to trials, in the order in which they last changed, without those that were forgotten.
    """

    shown: dict[str, TrialHistory]

    def opened(self, trial: TrialHistory) -> None:
        """Take in that a trial was planned, or reopened after it had failed."""

    def ended(self, trial: TrialHistory) -> None:
        """Take in that a trial has ended, as its status says."""


class BoundedMemory(SamplerMemory):
    """The newest trials that have not ended; of the ended trials, the best and a sample of all others.

    The best show where to look, and the others show where not to look: without them a sampler would come back to every
    region that it has forgotten. TPE takes the best tenth as the good trials, so that a quarter is enough.
    """

    def __init__(
        self,
        objectives: Objectives,
        size: int = MAX_ENDED,
        most_unfinished: int = MAX_UNFINISHED,
        slack: int = SLACK,
        constraints: Sequence[Constraint] = (),
    ) -> None:
        self._constraints = constraints
        self.shown: dict[str, TrialHistory] = {}
        self._objectives, self._size, self._slack = objectives, size, slack
        self._most_unfinished = most_unfinished
        self._unfinished: dict[str, None] = {}  # an ordered set

    @override
    def opened(self, trial: TrialHistory) -> None:
        name = trial.params.trial_id
        self.shown[name], self._unfinished[name] = trial, None
        if len(self._unfinished) > self._most_unfinished:
            self._take_out(next(iter(self._unfinished)))

    @override
    def ended(self, trial: TrialHistory) -> None:
        name = trial.params.trial_id
        self._take_out(name)
        if trial.status == "failed":
            return
        self.shown[name] = trial
        if len(self.shown) - len(self._unfinished) >= self._size + self._slack:
            self._forget()

    def _take_out(self, name: str) -> None:
        self.shown.pop(name, None)
        self._unfinished.pop(name, None)

    def _forget(self) -> None:
        ended = [trial for name, trial in self.shown.items() if name not in self._unfinished]
        kept = {
            trial.params.trial_id
            for trial in best_and_sample(ended, self._objectives, self._size, self._constraints)
        }
        for trial in ended:
            if trial.params.trial_id not in kept:
                del self.shown[trial.params.trial_id]


class GenerationMemory(SamplerMemory):
    """NSGA-II's generations.

    A generation closes when ``POPULATION`` of its trials have ended with a result. The best of these trials and of
    their parents become the parents of the next generation. A trial belongs to the generation in which it was opened;
    where it ends after that generation has closed, it is left out.
    """

    def __init__(
        self,
        objectives: Objectives,
        population: int = POPULATION,
        constraints: Sequence[Constraint] = (),
    ) -> None:
        self._constraints = constraints
        self.shown: dict[str, TrialHistory] = {}
        self.parents: list[str] = []
        self.current = 0
        self._objectives, self._population = objectives, population
        self._generation_of: dict[str, int] = {}

    @override
    def opened(self, trial: TrialHistory) -> None:
        self._generation_of[trial.params.trial_id] = self.current

    @override
    def ended(self, trial: TrialHistory) -> None:
        generation = self._generation_of.pop(trial.params.trial_id)
        if trial.result is None or generation != self.current:
            return
        self.shown[trial.params.trial_id] = trial
        if len(self.shown) - len(self.parents) >= self._population:
            self._close()

    def _close(self) -> None:
        elite = best_trials(list(self.shown.values()), self._objectives, self._population, self._constraints)
        self.shown = {trial.params.trial_id: trial for trial in elite}
        self.parents = list(self.shown)
        self.current += 1
