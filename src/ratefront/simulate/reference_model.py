"""A second, plainer account of what a ledger may hold and what the engine must answer: the engine's judge.

Written apart from ``engine`` and ``history`` and as flat as it gets, so that a mistake there is none here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from ratefront.engine.messages import Fact, StopRequested
from ratefront.errors import WorkerLostError
from ratefront.history import events

State: TypeAlias = Literal["planned", "running", "finished", "failed", "stopped"]

#: Errors of the simulation that are worth another try.
RETRYABLE = (WorkerLostError.__name__, "OutOfMemoryError")


@dataclass
class Seen:
    """A trial as the ledger's events tell it. ``setbacks``: failed attempts since one got further than all before."""

    state: State = "planned"
    attempts: int = 0
    step: int = 0
    furthest: int = 0
    setbacks: int = 0

    @property
    def has_ended(self) -> bool:
        return self.state not in ("planned", "running")

    def lose_attempt(self) -> None:
        self.furthest, self.step = max(self.furthest, self.step), 0


class Witness:
    """Follows a ledger entry by entry. ``requested``: how many trials are asked for by now, ``most``: how many can be.
    ``first_alone``: until one trial has finished, no two run at the same time.
    """

    def __init__(self, requested: int, retries: int, first_alone: bool, most: float) -> None:
        self.requested, self._retries, self._first_alone = requested, retries, first_alone
        self._most = most
        self.trials: dict[str, Seen] = {}
        self.last: events.Event | None = None

    def see(self, event: events.Event) -> Iterator[str]:
        """What is wrong with this event, coming after all before it."""
        if isinstance(self.last, events.Halted) and not isinstance(
            event, events.Resumed | events.Reconfigured
        ):
            yield f"{type(event).__name__} comes after the driver has left"
        self.last = event
        match event:
            case events.Planned(trial_id, number):
                if number != len(self.trials) or trial_id != f"t{number:04d}" or number >= self.requested:
                    yield f"{trial_id}, number {number}, is planned where {len(self.trials)} are, of {self.requested}"
                self.trials[trial_id] = Seen()
            case events.Resumed():
                for seen in self.trials.values():
                    if seen.state == "running":
                        seen.state = "planned"
                        seen.lose_attempt()
            case events.Extended(trials):
                if trials <= self.requested:
                    yield f"the sweep is extended from {self.requested} to {trials} trials"
                self.requested = trials
            case events.Ended():
                ended = sum(seen.has_ended for seen in self.trials.values())
                if ended != min(self.requested, self._most):
                    yield f"the sweep ends with {ended} of {self.requested} trials ended"
            case events.Created() | events.TaskModelReady() | events.Reconfigured() | events.Halted():
                pass
            case _:
                yield from self._see_trial(event)

    def _see_trial(self, event: events.TrialEvent) -> Iterator[str]:
        seen = self.trials.setdefault(event.trial_id, Seen())
        if fault := self._fault(event, seen):
            yield f"{type(event).__name__} comes for {event.trial_id}, {seen}: {fault}"
        match event:
            case events.Started():
                seen.state, seen.attempts = "running", event.attempt
                states = [other.state for other in self.trials.values()]
                if self._first_alone and "finished" not in states and states.count("running") > 1:
                    yield f"{event.trial_id} starts before the trial that is to be measured alone has finished"
            case events.Reported():
                seen.step = event.step
            case events.Finished():
                seen.state = "finished"
            case events.Stopped():
                seen.state = "stopped"
            case events.Reopened():
                seen.state, seen.setbacks = "planned", 0
            case events.Failed():
                seen.setbacks = 0 if seen.step > seen.furthest else seen.setbacks + 1
                seen.state = "failed" if event.final else "planned"
                seen.lose_attempt()

    def _fault(self, event: events.TrialEvent, seen: Seen) -> str:
        """Why this event cannot come now, or the empty string."""
        if isinstance(event, events.Reopened):
            return "" if seen.state == "failed" else "it has not failed"
        in_turn = seen.state == "planned" and event.attempt == seen.attempts + 1
        is_last = event.attempt == seen.attempts
        runs = seen.state == "running" and is_last
        fails_as_due = isinstance(event, events.Failed) and event.final == self._is_final(event.error, seen)
        rules = {
            "it has ended": not seen.has_ended,
            "another attempt is due": in_turn or not isinstance(event, events.Started),
            "it is of another attempt": is_last or not isinstance(event, events.Stopped),
            "this attempt does not run": runs or isinstance(event, events.Started | events.Stopped),
            "the step is an old one": not isinstance(event, events.Reported) or event.step > seen.step,
            "whether it is tried again is wrong": fails_as_due or not isinstance(event, events.Failed),
        }
        return next((fault for fault, holds in rules.items() if not holds), "")

    def _is_final(self, error: str, seen: Seen) -> bool:
        return error not in RETRYABLE or (seen.step <= seen.furthest and seen.setbacks >= self._retries)

    def answer_to(self, fact: Fact, is_sound: bool) -> tuple[type[events.Event], ...]:
        """The events that a fact must lead to now; ``is_sound``: what it reports is a measurement."""
        seen = self.trials.get(fact.trial_id)
        if seen is None or seen.has_ended:
            return ()
        if isinstance(fact, StopRequested):
            return (events.Stopped,)
        runs = seen.state == "running" and fact.attempt == seen.attempts
        is_next = seen.state == "planned" and fact.attempt == seen.attempts + 1
        match fact:
            case events.Started():
                return (events.Started,) if is_next else ()
            case events.Failed():
                return (events.Failed,) if runs else (events.Started, events.Failed) if is_next else ()
            case events.Reported():
                answer: type[events.Event] = events.Reported if is_sound else events.Failed
                return (answer,) if runs and fact.step > seen.step else ()
            case events.Finished():
                return (events.Finished if is_sound else events.Failed,) if runs else ()


def all_finite(metrics: Mapping[str, float]) -> bool:
    return all(map(math.isfinite, metrics.values()))
