"""Nodes, the workers on them, their checkpoints, and what the workers say on its way to the driver."""

from __future__ import annotations

from collections import Counter
from random import Random

from ratefront.engine.messages import Fact, Start, WorkerFact
from ratefront.history.events import Failed, Finished, Reported, Started
from ratefront.simulate.ground_truth import Deeds, Told
from ratefront.simulate.occupancy import Occupancy
from ratefront.simulate.reference_model import all_finite
from ratefront.simulate.scenario import Scenario
from ratefront.simulate.simulated_driver import Driver
from ratefront.simulate.simulated_problem import Course
from ratefront.simulate.simulated_worker import Slot, Worker
from ratefront.simulate.virtual_clock import Clock

#: How long a message is under way; how much longer a late or doubled one, on average; until a dead worker is missed;
#: and until what was said to nobody is said again. In seconds.
NETWORK_S, LATE_S, MISSED_S, AGAIN_S = 0.01, 60.0, 5.0, 30.0

#: How much longer a straggler takes; how often a checkpoint gets written; how often one tries again to be heard.
STRAGGLER, CHECKPOINTS, INSISTENCE = 10.0, 0.8, 0.5


class Cluster:
    """Outlives drivers. ``driver`` is the one that workers speak to now; ``times_reopened`` counts by trial."""

    def __init__(self, scenario: Scenario, clock: Clock, random: Random) -> None:
        self._scenario, self._clock, self._random = scenario, clock, random
        self.driver: Driver | None = None
        self.times_reopened: Counter[str] = Counter()
        self.deeds, self.occupancy = Deeds(), Occupancy(clock)
        self._nodes_away: Counter[int] = Counter()
        self._checkpoints: dict[str, int] = {}

    # Slots.

    def slots_up(self) -> list[Slot]:
        slots = [Slot(node, n) for node, count in enumerate(self._scenario.nodes) for n in range(count)]
        return [slot for slot in slots if self.is_up(slot)]

    def is_up(self, slot: Slot) -> bool:
        return not self._nodes_away[slot.node]

    def lose_node(self, node: int) -> None:
        self._nodes_away[node] += 1
        if self.driver is not None:
            self.driver.drop_slots(node)
            for worker in self.driver.held.values():
                if worker.is_alive and worker.slot.node == node:
                    self.lose_worker(worker)

    def bring_node_back(self, node: int) -> None:
        self._nodes_away[node] -= 1
        if self.driver is not None:
            self.driver.add_slots(slot for slot in self.slots_up() if slot.node == node)

    # Workers.

    def launch(self, start: Start, slot: Slot) -> Worker:
        odds, trial_id = self._scenario.plan.odds, start.params.trial_id
        kept = self._checkpoints.get(trial_id, 0)
        if kept and self.by_chance("corrupt_checkpoint", odds.corrupt_checkpoint):
            kept = 0
        slowness = STRAGGLER if self.by_chance("straggler", odds.straggler) else 1.0
        course = self._course(start)
        worker = Worker(start, slot, course, self._clock, self, from_step=kept, slowness=slowness)
        self.deeds.divisors[worker.key] = start.batch_divisor
        self.occupancy.started()
        if not self.is_up(slot):
            self.lose_worker(worker)
        return worker

    def _course(self, start: Start) -> Course:
        course = self._scenario.problem.course(start.params)
        trial_id = start.params.trial_id
        illness = self._scenario.plan.illness(trial_id, self.times_reopened[trial_id])
        if illness is None:
            return course
        self.deeds.troubles["ill"] += 1
        return illness(course, start.batch_divisor)

    def lose_worker(self, worker: Worker) -> None:
        """Its process is gone; its driver misses it a little later."""
        worker.kill()
        self.deeds.errors.add((*worker.key, "WorkerLostError"))
        driver = self.driver
        if driver is not None:
            fact = Failed(*worker.key, "WorkerLostError", "the worker died", retryable=True)
            self._clock.after(MISSED_S, lambda: driver.hear(fact, worker))

    def by_chance(self, trouble: str, odds: float) -> bool:
        """Whether a trouble comes about, which is noted."""
        comes = odds > 0 and self._random.random() < odds
        if comes:
            self.deeds.troubles[trouble] += 1
        return comes

    # What they say.

    def began(self, worker: Worker, fact: Started) -> None:
        """Seen by the driver that has started it, and by no other: a worker does not say so by itself."""
        self.occupancy.change(1)
        driver = self.driver
        if driver is None or driver.held.get(worker.key) is not worker:
            return
        driver.hear(fact, worker)
        if self.by_chance("twice", self._scenario.plan.odds.twice):
            wait_s = self._random.expovariate(1 / LATE_S)
            self._clock.after(wait_s, lambda: driver.hear(fact, worker))

    def said(self, worker: Worker, fact: WorkerFact) -> None:
        match fact:
            case Reported(trial_id, _, step, metrics):
                if self._random.random() < CHECKPOINTS:
                    self._checkpoints[trial_id] = step
                if not all_finite(metrics):
                    self.deeds.errors.add((*worker.key, "DivergedError"))
            case Finished():
                self.deeds.completed.add(worker.key)
            case Failed():
                self.deeds.errors.add((*worker.key, fact.error))
        self._send(fact, worker)

    def stopped(self, worker: Worker) -> None:
        if worker.has_begun:
            self.occupancy.change(-1)

    def told(self, fact: Fact, before: int, after: int) -> None:
        if self._scenario.is_watched:
            self.deeds.told.append(Told(fact, before, after))

    def _send(self, fact: Fact, worker: Worker) -> None:
        odds, wait_s = self._scenario.plan.odds, NETWORK_S
        if self.by_chance("late", odds.late):
            wait_s += self._random.expovariate(1 / LATE_S)
        self._clock.after(wait_s, lambda: self._arrive(fact, worker))
        if self.by_chance("twice", odds.twice):
            again_s = wait_s + self._random.expovariate(1 / LATE_S)
            self._clock.after(again_s, lambda: self._arrive(fact, worker))

    def _arrive(self, fact: Fact, worker: Worker) -> None:
        if self.driver is not None:
            self.driver.hear(fact, worker)
        elif self._random.random() < INSISTENCE:
            self._clock.after(AGAIN_S, lambda: self._arrive(fact, worker))
