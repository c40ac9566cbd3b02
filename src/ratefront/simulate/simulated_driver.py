"""A driver of the engine in virtual time, in place of Ray Tune: one thread that does one thing after another.

Everything that it does with the engine (a fact with its appends to the ledger, a suggestion) takes time, and what comes
in meanwhile waits: with many slots that is what leaves them idle.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from time import perf_counter
from typing import Protocol, TypeAlias

from ratefront.engine.live_sweep import LiveSweep
from ratefront.engine.messages import Fact, Start, StopRequested
from ratefront.errors import EngineError
from ratefront.history.events import Event, Failed
from ratefront.simulate.memory_ledger import DriverDied
from ratefront.simulate.simulated_worker import Slot, Worker
from ratefront.simulate.virtual_clock import Action, Clock

#: Something to do with the engine; gives what follows from it once the time that it took is over.
Job: TypeAlias = Callable[[], Action | None]


class Cluster(Protocol):
    """Where a driver starts workers."""

    def launch(self, start: Start, slot: Slot) -> Worker: ...

    def slots_up(self) -> list[Slot]: ...

    def is_up(self, slot: Slot) -> bool: ...

    def told(self, fact: Fact, before: int, after: int) -> None:
        """The engine was told a fact when the ledger had ``before`` entries; it has ``after`` now."""


class Owner(Protocol):
    """Who has started the driver, and hears of its end."""

    @property
    def written(self) -> int:
        """How many entries the ledger has."""

    def broke_off(self, error: BaseException) -> None:
        """It died in a write, or cannot write."""

    def ended(self) -> None:
        """Every requested trial has ended, and the ledger says so."""


class Driver:
    """One process, from its start to its end. ``latency_s`` is what one thing takes that it does with the engine, None:
    as long as it takes here, now. ``busy_s``: how long it has been at work.
    """

    def __init__(
        self, live: LiveSweep, cluster: Cluster, owner: Owner, clock: Clock, latency_s: float | None
    ) -> None:
        self.live, self._cluster, self._owner, self._clock = live, cluster, owner, clock
        self._latency_s = latency_s
        self.held: dict[tuple[str, int], Worker] = {}
        self._idle = deque(cluster.slots_up())
        self._starting: Slot | None = None  # a slot whose trial is on its way
        self._jobs: deque[Job] = deque()
        self._is_busy = self._is_offering = False
        self.is_alive, self.busy_s = True, 0.0

    def begin(self, opening: Iterable[Event]) -> None:
        """Write what a driver writes first, one event after another, then fill the slots."""
        self._do(lambda: self._open(opening))

    def hear(self, fact: Fact, sender: Worker | None = None) -> None:
        """News have arrived; those of a worker that is not in this driver's hands may be of an earlier one's."""
        self._do(lambda: self._tell(fact, sender))

    def stop_trial(self, trial_id: str) -> None:
        self._do(lambda: self._tell(StopRequested(trial_id, "by hand"), None))

    def add_slots(self, slots: Iterable[Slot]) -> None:
        """A node is back."""
        taken = {worker.slot for worker in self.held.values()} | {*self._idle, self._starting}
        self._idle += [slot for slot in slots if slot not in taken]
        self._offer()

    def drop_slots(self, node: int) -> None:
        """A node is gone. What is lost of the workers on it is told separately."""
        self._idle = deque(slot for slot in self._idle if slot.node != node)

    def leave(self) -> list[Worker]:
        """The driver is no more; gives the workers that it held."""
        self.is_alive = False
        return list(self.held.values())

    def _do(self, job: Job) -> None:
        self._jobs.append(job)
        self._next()

    def _next(self) -> None:
        if self._is_busy or not self._jobs or not self.is_alive:
            return
        self._is_busy = True
        job, began = self._jobs.popleft(), perf_counter()
        try:
            then = job()
        except (DriverDied, EngineError) as error:
            self._owner.broke_off(error)
            return
        took_s = perf_counter() - began if self._latency_s is None else self._latency_s
        self.busy_s += took_s
        self._clock.after(took_s, lambda: self._over(then))

    def _over(self, then: Action | None) -> None:
        if not self.is_alive:
            return
        self._is_busy = False
        if then is not None:
            then()
        self._next()

    def _open(self, opening: Iterable[Event]) -> Action:
        self.live.open(opening)
        return self._end if self.live.history.ended else self._offer

    def _tell(self, fact: Fact, sender: Worker | None) -> Action | None:
        before = self._owner.written
        self.live.tell(fact)
        self._cluster.told(fact, before, self._owner.written)
        if sender is None or self.held.get(sender.key) is not sender:
            return self._offer
        if isinstance(fact, Failed) or not self.live.is_running(*sender.key):
            return partial(self._take_away, sender)
        return None

    def _take_away(self, worker: Worker) -> None:
        worker.kill()
        if self.held.pop(worker.key, None) is not None and self._cluster.is_up(worker.slot):
            self._idle.append(worker.slot)
        self._offer()

    def _offer(self) -> None:
        """There may be work for a slot, or none at all any more."""
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
            return None
        self._starting = self._idle.popleft()
        return partial(self._launch, command, self._starting)

    def _launch(self, start: Start, slot: Slot) -> None:
        key = (start.params.trial_id, start.attempt)
        if key in self.held:
            raise RuntimeError(f"attempt {start.attempt} of trial {key[0]} is given out twice")
        self.held[key], self._starting = self._cluster.launch(start, slot), None
        self._offer()

    def _end(self) -> None:
        self._owner.ended()
