"""Makes the faults of a plan happen to a world."""

from __future__ import annotations

from functools import partial

from ratefront.records import ENDED
from ratefront.simulate.fault_plan import Fault
from ratefront.simulate.simulation_state import World

#: How often a lost driver dies within a write, and after how many others at most.
DIES_WRITING, WRITES_BEFORE = 0.6, 2


class Trouble:
    """Faults strike at their times, at what is there then; where nothing is, nothing happens."""

    def __init__(self, world: World) -> None:
        self._world = world
        for fault in world.scenario.plan.faults:
            world.clock.after(fault.time_s, partial(self._strike, fault))

    def _strike(self, fault: Fault) -> None:
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
        self._world.cluster.deeds.troubles[fault.kind] += struck

    def _lose_worker(self) -> bool:
        cluster = self._world.cluster
        held = cluster.driver.held.values() if cluster.driver else ()
        alive = [worker for worker in held if worker.is_alive]
        if alive:
            cluster.lose_worker(self._world.random.choice(alive))
        return bool(alive)

    def _lose_node(self, lasts_s: float) -> bool:
        world = self._world
        node = world.random.randrange(len(world.scenario.nodes))
        world.cluster.lose_node(node)
        world.clock.after(lasts_s, partial(world.cluster.bring_node_back, node))
        return True

    def _lose_driver(self) -> bool:
        world = self._world
        if world.cluster.driver is None:
            return False
        if world.random.random() < DIES_WRITING:
            world.disk.appends_left = world.random.randint(0, WRITES_BEFORE)
        else:
            world.lose_driver()
        return True

    def _end_driver(self) -> bool:
        world = self._world
        if world.cluster.driver is None:
            return False
        world.end_driver()
        return True

    def _take_tracking_away(self, lasts_s: float) -> bool:
        tracker = self._world.tracker
        tracker.is_away = True
        self._world.clock.after(lasts_s, partial(setattr, tracker, "is_away", False))
        return True

    def _fill_disk(self, lasts_s: float) -> bool:
        disk = self._world.disk
        disk.is_full = True
        self._world.clock.after(lasts_s, partial(setattr, disk, "is_full", False))
        return True

    def _stop_trial(self) -> bool:
        driver = self._world.cluster.driver
        if driver is None:
            return False
        trials = [trial for trial in driver.live.history.trials.values() if trial.status not in ENDED]
        if trials:
            driver.stop_trial(self._world.random.choice(trials).params.trial_id)
        return bool(trials)
