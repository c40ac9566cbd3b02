"""A worker of the simulated cluster: runs one attempt at a trial, from where the last one left a checkpoint."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from ratefront.engine.messages import Start, WorkerFact
from ratefront.history.events import Failed, Finished, Reported, Started
from ratefront.simulate.simulated_problem import Course
from ratefront.simulate.virtual_clock import Clock

#: From being asked to having begun: a worker that is reused.
START_S = 0.05


@dataclass(frozen=True)
class Slot:
    """A place for one worker on one of the nodes."""

    node: int
    number: int


class Listener(Protocol):
    """Whom a worker speaks to."""

    def began(self, worker: Worker, fact: Started) -> None: ...

    def said(self, worker: Worker, fact: WorkerFact) -> None:
        """Reports, and as the last thing how the attempt ended."""

    def stopped(self, worker: Worker) -> None:
        """It computes no more: at its end, or killed."""


class Worker:
    """Computes one attempt, until its end or until it is killed. ``slowness`` stretches all that it does."""

    def __init__(
        self,
        start: Start,
        slot: Slot,
        course: Course,
        clock: Clock,
        listener: Listener,
        *,
        from_step: int = 0,
        slowness: float = 1.0,
    ) -> None:
        self.start, self.slot = start, slot
        self.key = (start.params.trial_id, start.attempt)
        self.is_alive, self.has_begun = True, False
        self._course, self._clock, self._listener = course, clock, listener
        self._step, self._slowness = from_step, slowness
        self._then(START_S, self._begin)

    def kill(self) -> None:
        if self.is_alive:
            self._stop()

    def _stop(self) -> None:
        self.is_alive = False
        self._listener.stopped(self)

    def _then(self, wait_s: float, action: Callable[[], None]) -> None:
        self._clock.after(wait_s, lambda: action() if self.is_alive else None)

    def _begin(self) -> None:
        self.has_begun = True
        self._listener.began(self, Started(*self.key, f"node {self.slot.node}, slot {self.slot.number}"))
        self._go_on()

    def _go_on(self) -> None:
        steps = self._course.steps
        if self._step < len(steps):
            self._then(steps[self._step].seconds * self._slowness, self._report)
        else:
            self._then(self._course.closing_s * self._slowness, self._end)

    def _report(self) -> None:
        metrics = self._course.steps[self._step].metrics
        self._step += 1
        self._listener.said(self, Reported(*self.key, self._step, metrics))
        self._go_on()

    def _end(self) -> None:
        self._stop()
        if self._course.result is not None:
            self._listener.said(self, Finished(*self.key, self._course.result))
        else:
            self._listener.said(self, Failed(*self.key, self._course.error, self._course.reason))
