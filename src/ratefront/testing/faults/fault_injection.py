"""A plan's faults that strike at a moment: lost workers, nodes and drivers, full disks, stopped trials."""

from __future__ import annotations

from functools import partial

from ratefront.history.events import BudgetSpent
from ratefront.history.sweep_history import SweepHistory
from ratefront.simulate.simulation import Simulation
from ratefront.testing.faults.fault_plan import FaultPlan, TimedFault
from ratefront.testing.faults.faulty_conditions import FaultyConditions
from ratefront.trial_records import ENDED

#: The probability that a lost driver dies within a write, and after how many other writes at most.
DIES_WRITING, WRITES_BEFORE = 0.6, 2


class FaultInjection:
    """Lets timed faults strike what is there at their time; where nothing is there, nothing happens."""

    def __init__(self, simulation: Simulation, conditions: FaultyConditions) -> None:
        self._simulation, self._conditions = simulation, conditions
        self._clock, self._random = simulation.clock, conditions.random
        self._at_budget_end: tuple[TimedFault, ...] = ()
        self._budget_spent: BudgetSpent | None = None

    def schedule(self, plan: FaultPlan) -> None:
        """Add a plan's timed faults to the simulation's clock."""
        for fault in plan.faults:
            self._clock.after(fault.time_s, partial(self._strike, fault))
        self._at_budget_end = plan.at_budget_end

    def watch(self, history: SweepHistory) -> None:
        """Let the faults of the budget's end strike soon, if the last entry says that the budget is spent."""
        if history.budget_spent is not None and history.budget_spent is not self._budget_spent:
            for fault in self._at_budget_end:
                self._clock.after(fault.time_s, partial(self._strike, fault))
        self._budget_spent = history.budget_spent

    def _strike(self, fault: TimedFault) -> None:
        match fault.kind:
            case "worker_lost":
                struck = self._lose_worker()
            case "node_lost":
                struck = self._lose_node(fault.lasts_s)
            case "driver_lost":
                struck = self._lose_driver()
            case "driver_ended":
                struck = self._end_driver()
            case "tracking_away":
                struck = self._take_tracking_away(fault.lasts_s)
            case "disk_full":
                struck = self._fill_disk(fault.lasts_s)
            case "trial_stopped":
                struck = self._stop_trial()
        self._conditions.fault_counts[fault.kind] += struck

    def _lose_worker(self) -> bool:
        cluster = self._simulation.cluster
        held = cluster.driver.held.values() if cluster.driver else ()
        alive = [worker for worker in held if worker.is_alive]
        if alive:
            cluster.lose_worker(self._random.choice(alive))
        return bool(alive)

    def _lose_node(self, lasts_s: float) -> bool:
        cluster = self._simulation.cluster
        node = self._random.randrange(len(self._simulation.scenario.nodes))
        cluster.lose_node(node)
        self._clock.after(lasts_s, partial(cluster.bring_node_back, node))
        return True

    def _lose_driver(self) -> bool:
        if self._simulation.cluster.driver is None:
            return False
        if self._random.random() < DIES_WRITING:
            self._conditions.failing_disk.appends_left = self._random.randint(0, WRITES_BEFORE)
        else:
            self._simulation.lose_driver()
        return True

    def _end_driver(self) -> bool:
        if self._simulation.cluster.driver is None:
            return False
        self._simulation.end_driver()
        return True

    def _take_tracking_away(self, lasts_s: float) -> bool:
        tracker = self._conditions.unreliable_tracker
        tracker.is_away = True
        self._clock.after(lasts_s, partial(setattr, tracker, "is_away", False))
        return True

    def _fill_disk(self, lasts_s: float) -> bool:
        disk = self._conditions.failing_disk
        disk.is_full = True
        self._clock.after(lasts_s, partial(setattr, disk, "is_full", False))
        return True

    def _stop_trial(self) -> bool:
        driver = self._simulation.cluster.driver
        if driver is None:
            return False
        trials = [trial for trial in driver.live.history.trials.values() if trial.status not in ENDED]
        if trials:
            driver.stop_trial(self._random.choice(trials).params.trial_id)
        return bool(trials)
