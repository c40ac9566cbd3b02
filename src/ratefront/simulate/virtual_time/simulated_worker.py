"""A worker of the simulated cluster: runs one attempt at a trial, from where the last one left a checkpoint."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from ratefront.engine.messages import Start, WorkerMessage
from ratefront.history.events import Failed, Finished, Reported, Started
from ratefront.simulate.problems.simulated_problem import TrialCourse
from ratefront.simulate.virtual_time.virtual_clock import VirtualClock

#: How long a worker that is reused takes to begin, in seconds.
START_S = 0.05


@dataclass(frozen=True)
class SimulatedSlot:
    """A place for one worker on one of the nodes."""

    node: int
    number: int


class MessageReceiver(Protocol):
    """Receives the messages of a worker."""

    def worker_started(self, worker: SimulatedWorker, message: Started) -> None:
        """The worker computes."""

    def worker_sent(self, worker: SimulatedWorker, message: WorkerMessage) -> None:
        """The worker reports, or sends as its last message how the attempt ended."""

    def worker_stopped(self, worker: SimulatedWorker) -> None:
        """The worker computes no more: it came to its end or was killed."""


class SimulatedWorker:
    """Computes one attempt, until its end or until it is killed.

    Attributes:
        key: The trial's id and the number of the attempt.
        has_started: Whether it has started to compute.
    """

    def __init__(
        self,
        start: Start,
        slot: SimulatedSlot,
        course: TrialCourse,
        clock: VirtualClock,
        receiver: MessageReceiver,
        *,
        from_step: int = 0,
        slowness: float = 1.0,
        hangs_after: int | None = None,
    ) -> None:
        """Start the worker; it goes on after ``from_step`` and takes ``slowness`` times as long for all it does.

        Once it has come to the report ``hangs_after``, it does nothing any more.
        """
        self.slot = slot
        self.key = (start.params.trial_id, start.attempt)
        self.is_alive, self.has_started = True, False
        self._gpus = start.needs.gpus
        self._course, self._clock, self._receiver = course, clock, receiver
        self._step, self._slowness, self._hangs_after = from_step, slowness, hangs_after
        self._after(START_S, self._begin)

    def kill(self) -> None:
        """End the worker's process, if it is still there."""
        if self.is_alive:
            self._stop()

    def _stop(self) -> None:
        self.is_alive = False
        self._receiver.worker_stopped(self)

    def _after(self, wait_s: float, action: Callable[[], None]) -> None:
        self._clock.after(wait_s, lambda: action() if self.is_alive else None)

    def _begin(self) -> None:
        self.has_started = True
        started = Started(*self.key, f"node {self.slot.node}, slot {self.slot.number}", self._gpus)
        self._receiver.worker_started(self, started)
        self._schedule_next()

    def _schedule_next(self) -> None:
        if self._hangs_after is not None and self._step >= self._hangs_after:
            return
        steps = self._course.steps
        if self._step < len(steps):
            self._after(steps[self._step].seconds * self._slowness, self._report)
        else:
            self._after(self._course.closing_s * self._slowness, self._end)

    def _report(self) -> None:
        metrics = self._course.steps[self._step].metrics
        self._step += 1
        self._receiver.worker_sent(self, Reported(*self.key, self._step, metrics))
        self._schedule_next()

    def _end(self) -> None:
        self._stop()
        if self._course.result is not None:
            self._receiver.worker_sent(self, Finished(*self.key, self._course.result))
        else:
            self._receiver.worker_sent(self, Failed(*self.key, self._course.error, self._course.reason))
