"""A driver of the engine in virtual time, in place of Ray Tune: one thread that does one thing after another.

Everything that it does with the engine takes time: a message with its appends to the ledger, or a suggestion. What
arrives meanwhile waits. If there are many slots, this leaves some of them idle.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from time import perf_counter
from typing import Protocol, TypeAlias

from ratefront.engine.live_sweep import LiveSweep
from ratefront.engine.messages import EngineMessage, Start, StopRequested, TimedOut, TimePassed
from ratefront.errors import EngineError
from ratefront.history.events import Event, Failed, Started
from ratefront.simulate.virtual_time.ideal_conditions import SimulationObserver
from ratefront.simulate.virtual_time.simulated_worker import SimulatedSlot, SimulatedWorker
from ratefront.simulate.virtual_time.virtual_clock import Action, VirtualClock

#: Something to do with the engine; returns what follows from it once the time that it took is over.
Job: TypeAlias = Callable[[], Action | None]


class DriverDied(BaseException):
    """The driver's process died. A disk that fails on purpose raises this within a write."""


class WorkerHost(Protocol):
    """Where a driver starts workers."""

    def launch(self, start: Start, slot: SimulatedSlot) -> SimulatedWorker:
        """Start a worker in a slot."""

    def slots_up(self) -> list[SimulatedSlot]:
        """Return the slots of all nodes that are up."""

    def is_up(self, slot: SimulatedSlot) -> bool:
        """Return whether the slot's node is up."""


class DriverOwner(Protocol):
    """What has started the driver and learns of its end."""

    @property
    def ledger_length(self) -> int:
        """How many entries the ledger has."""

    def driver_failed(self, error: BaseException) -> None:
        """The driver died within a write, or cannot write."""

    def sweep_ended(self) -> None:
        """Every requested trial has ended or the budget is spent, and the ledger says so."""


class SimulatedDriver:
    """One process, from its start to its end.

    Attributes:
        live: The engine and its ledger.
        held: The workers that it has started and not yet taken away, by trial and attempt.
        busy_s: How long it has been at work, in seconds.
    """

    def __init__(
        self,
        live: LiveSweep,
        host: WorkerHost,
        owner: DriverOwner,
        observer: SimulationObserver,
        clock: VirtualClock,
        latency_s: float | None,
        trial_hours: float | None = None,
        tick_s: float | None = None,
    ) -> None:
        """Start the process.

        One thing that it does with the engine takes ``latency_s`` seconds; None: as long as it takes here, now.
        An attempt may run for ``trial_hours``; None: for ever. The engine is told the time every ``tick_s`` seconds;
        None: never.
        """
        self.live, self._host, self._owner, self._observer = live, host, owner, observer
        self._clock, self._latency_s, self._trial_hours, self._tick_s = clock, latency_s, trial_hours, tick_s
        self.held: dict[tuple[str, int], SimulatedWorker] = {}
        self._idle = deque(host.slots_up())
        self._starting: SimulatedSlot | None = None  # a slot whose trial is on its way
        self._jobs: deque[Job] = deque()
        self._is_busy = self._is_offering = False
        self.is_alive, self.busy_s = True, 0.0

    def begin(self, opening: Iterable[Event]) -> None:
        """Write what a driver writes first, one event after another, then fill the slots."""
        self._do(lambda: self._open(opening))
        self._tick()

    def receive(self, message: EngineMessage, sender: SimulatedWorker | None = None) -> None:
        """Receive a message. Its sender may be a worker of an earlier driver, which this one does not hold."""
        self._do(lambda: self._judge(message, sender))

    def _tick(self) -> None:
        if self._tick_s is not None and self.is_alive:
            self._clock.after(self._tick_s, self._tick)
            self.receive(TimePassed(self._clock.time()))

    def stop_trial(self, trial_id: str) -> None:
        """Stop a trial, as a person does."""
        self._do(lambda: self._judge(StopRequested(trial_id, "by hand"), None))

    def add_slots(self, slots: Iterable[SimulatedSlot]) -> None:
        """Use the slots of a node that is back."""
        used = {worker.slot for worker in self.held.values()} | {*self._idle, self._starting}
        self._idle += [slot for slot in slots if slot not in used]
        self._offer()

    def drop_slots(self, node: int) -> None:
        """Use the slots of a lost node no more; ``receive`` gets the loss of each worker on it."""
        self._idle = deque(slot for slot in self._idle if slot.node != node)

    def leave(self) -> list[SimulatedWorker]:
        """End the process; return the workers that it held."""
        self.is_alive = False
        return list(self.held.values())

    def _do(self, job: Job) -> None:
        self._jobs.append(job)
        self._next()

    def _next(self) -> None:
        if self._is_busy or not self._jobs or not self.is_alive:
            return
        self._is_busy = True
        job, start = self._jobs.popleft(), perf_counter()
        try:
            next_action = job()
        except (DriverDied, EngineError) as error:
            self._owner.driver_failed(error)
            return
        took_s = perf_counter() - start if self._latency_s is None else self._latency_s
        self.busy_s += took_s
        self._clock.after(took_s, lambda: self._job_over(next_action))

    def _job_over(self, next_action: Action | None) -> None:
        if not self.is_alive:
            return
        self._is_busy = False
        if next_action is not None:
            next_action()
        self._next()

    def _open(self, opening: Iterable[Event]) -> Action:
        self.live.open(opening)
        return self._end if self.live.history.ended else self._offer

    def _judge(self, message: EngineMessage, sender: SimulatedWorker | None) -> Action | None:
        before = self._owner.ledger_length
        self.live.tell(message)
        self._observer.message_judged(message, before, self._owner.ledger_length)
        if sender is None or self.held.get(sender.key) is not sender:
            return self._offer
        if isinstance(message, Failed) or not self.live.is_running(*sender.key):
            return partial(self._take_away, sender)
        if isinstance(message, Started):
            self._limit_time(sender)
        return None

    def _limit_time(self, worker: SimulatedWorker) -> None:
        if self._trial_hours is not None:
            overdue = TimedOut(*worker.key, self._trial_hours)
            self._clock.after(3600.0 * self._trial_hours, lambda: self.receive(overdue, worker))

    def _take_away(self, worker: SimulatedWorker) -> None:
        worker.kill()
        if self.held.pop(worker.key, None) is not None and self._host.is_up(worker.slot):
            self._idle.append(worker.slot)
        self._offer()

    def _offer(self) -> None:
        """Ask the engine soon for a slot's work, or whether the sweep is done."""
        if not self._is_offering and (self._idle or self.live.done):
            self._is_offering = True
            self._do(self._fill)

    def _fill(self) -> Action | None:
        self._is_offering = False
        if self.live.done:
            self.live.end()
            return self._end
        if not self._idle:
            return None
        command = self.live.next_start()
        if not isinstance(command, Start):
            return (
                self._offer if self.live.done else None
            )  # it may have found that no trial is to begin any more
        self._starting = self._idle.popleft()
        return partial(self._launch, command, self._starting)

    def _launch(self, start: Start, slot: SimulatedSlot) -> None:
        key = (start.params.trial_id, start.attempt)
        if key in self.held:
            raise RuntimeError(f"attempt {start.attempt} of trial {key[0]} is given out twice")
        self.held[key], self._starting = self._host.launch(start, slot), None
        self._offer()

    def _end(self) -> None:
        self._owner.sweep_ended()
