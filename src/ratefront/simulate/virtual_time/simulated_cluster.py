"""Nodes, the workers on them, their checkpoints, and the messages on their way from the workers to the driver."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from ratefront.engine.messages import EngineMessage, Start, WorkerMessage
from ratefront.history.events import Failed, Reported, Started
from ratefront.simulate.problems.simulated_problem import SimulatedProblem, TrialCourse
from ratefront.simulate.virtual_time.ideal_conditions import IdealConditions, SimulationObserver
from ratefront.simulate.virtual_time.simulated_driver import SimulatedDriver
from ratefront.simulate.virtual_time.simulated_worker import SimulatedSlot, SimulatedWorker
from ratefront.simulate.virtual_time.slot_occupancy import SlotOccupancy
from ratefront.simulate.virtual_time.virtual_clock import VirtualClock

#: How long a message is under way, in seconds.
NETWORK_S = 0.01

#: How long it takes until the driver notices a dead worker, in seconds.
DETECTION_S = 5.0

#: A worker that reaches no driver tries again after so many seconds, with this probability.
RESEND_S, RESEND_PROBABILITY = 30.0, 0.5

#: The probability that a report leaves a checkpoint.
CHECKPOINT_PROBABILITY = 0.8


class SimulatedCluster:
    """Outlives drivers.

    Attributes:
        driver: The driver that workers speak to now, if there is one.
        times_reopened: By trial, how often a person reopened it.
        occupancy: How many slots compute, over time.
    """

    def __init__(
        self,
        nodes: tuple[int, ...],
        problem: SimulatedProblem,
        conditions: IdealConditions,
        observer: SimulationObserver,
        clock: VirtualClock,
    ) -> None:
        """Set up a cluster; ``nodes`` has the number of slots of each node."""
        self._nodes, self._problem, self._clock = nodes, problem, clock
        self._conditions, self._observer = conditions, observer
        self.driver: SimulatedDriver | None = None
        self.times_reopened: Counter[str] = Counter()
        self.occupancy = SlotOccupancy(clock)
        self._nodes_away: Counter[int] = Counter()
        self._checkpoints: dict[str, int] = {}

    # Slots.

    def slots_up(self) -> list[SimulatedSlot]:
        """Return the slots of all nodes that are up."""
        slots = [SimulatedSlot(node, n) for node, count in enumerate(self._nodes) for n in range(count)]
        return [slot for slot in slots if self.is_up(slot)]

    def is_up(self, slot: SimulatedSlot) -> bool:
        """Return whether the slot's node is up."""
        return not self._nodes_away[slot.node]

    def lose_node(self, node: int) -> None:
        """Take a node away, with all workers on it."""
        self._nodes_away[node] += 1
        if self.driver is not None:
            self.driver.drop_slots(node)
            for worker in self.driver.held.values():
                if worker.is_alive and worker.slot.node == node:
                    self.lose_worker(worker)

    def bring_node_back(self, node: int) -> None:
        """Undo one ``lose_node``."""
        self._nodes_away[node] -= 1
        if self.driver is not None:
            self.driver.add_slots(slot for slot in self.slots_up() if slot.node == node)

    # Workers.

    def launch(self, start: Start, slot: SimulatedSlot) -> SimulatedWorker:
        """Start a worker in a slot; it is lost at once if the slot's node is away."""
        step = self._checkpoints.get(start.params.trial_id, 0)
        if step and self._conditions.checkpoint_is_corrupt():
            step = 0
        slowness = self._conditions.slowness()
        course = self._course(start)
        worker = SimulatedWorker(
            start,
            slot,
            course,
            self._clock,
            self,
            from_step=step,
            slowness=slowness,
            hangs_after=self._conditions.hangs_after(len(course.steps)),
        )
        self._observer.worker_launched(worker.key, start)
        self.occupancy.trial_started()
        if not self.is_up(slot):
            self.lose_worker(worker)
        return worker

    def _course(self, start: Start) -> TrialCourse:
        course = self._problem.course(start.params)
        return self._conditions.changed_course(course, start, self.times_reopened[start.params.trial_id])

    def lose_worker(self, worker: SimulatedWorker) -> None:
        """Let a worker's process die; its driver notices that a little later."""
        worker.kill()
        self._observer.worker_lost(worker.key)
        driver = self.driver
        if driver is not None:
            message = Failed(*worker.key, "WorkerLostError", "the worker died", retryable=True)
            self._clock.after(DETECTION_S, lambda: driver.receive(message, worker))

    # Messages of workers.

    def worker_started(self, worker: SimulatedWorker, message: Started) -> None:
        """Only the driver that has started the worker sees this: a worker does not say so by itself."""
        self.occupancy.change(1)
        driver = self.driver
        if driver is None or driver.held.get(worker.key) is not worker:
            return
        driver.receive(message, worker)
        self._repeat(lambda: driver.receive(message, worker), 0.0)

    def worker_sent(self, worker: SimulatedWorker, message: WorkerMessage) -> None:
        """Send a worker's message; a report may leave a checkpoint."""
        if isinstance(message, Reported) and self._conditions.random.random() < CHECKPOINT_PROBABILITY:
            self._checkpoints[message.trial_id] = message.step
        self._observer.worker_sent(worker.key, message)
        self._send(message, worker)

    def worker_stopped(self, worker: SimulatedWorker) -> None:
        """Its slot computes no more."""
        if worker.has_started:
            self.occupancy.change(-1)
        self.occupancy.attempt_stopped(*worker.key)

    def _send(self, message: EngineMessage, worker: SimulatedWorker) -> None:
        wait_s = NETWORK_S + self._conditions.extra_delay_s()
        self._clock.after(wait_s, lambda: self._arrive(message, worker))
        self._repeat(lambda: self._arrive(message, worker), wait_s)

    def _repeat(self, arrive: Callable[[], None], wait_s: float) -> None:
        """Let a message arrive once more, if the conditions say so: later than its first arrival in ``wait_s``."""
        repeated_s = self._conditions.repeated_after_s()
        if repeated_s is not None:
            self._clock.after(wait_s + repeated_s, arrive)

    def _arrive(self, message: EngineMessage, worker: SimulatedWorker) -> None:
        if self.driver is not None:
            self.driver.receive(message, worker)
        elif self._conditions.random.random() < RESEND_PROBABILITY:
            self._clock.after(RESEND_S, lambda: self._arrive(message, worker))
