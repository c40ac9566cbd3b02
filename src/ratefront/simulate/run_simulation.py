"""A simulation from its first driver to the last word of its tracker."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ratefront.engine.engine import Engine
from ratefront.errors import InputError, RatefrontError
from ratefront.history.events import Entry
from ratefront.history.sweep_history import SweepHistory
from ratefront.simulate.fault_injection import Trouble
from ratefront.simulate.ground_truth import Deeds
from ratefront.simulate.occupancy import Occupancy
from ratefront.simulate.scenario import Parts, Scenario
from ratefront.simulate.simulation_state import World
from ratefront.tracking.memory_tracker import InMemoryTracker

#: A sweep that is not over after so many things have happened for each of its trials never will be.
HAPPENINGS_PER_TRIAL = 20_000


class InvariantBrokenError(RatefrontError):
    """What must hold in every sweep did not hold in a simulated one."""

    def __init__(self, seed: int, time_s: float, what: str) -> None:
        self.seed, self.time_s, self.what = seed, time_s, what
        super().__init__(f"seed {seed}, after {time_s:.3f} virtual seconds: {what}")


@dataclass(frozen=True)
class Run:
    """What came of a simulation. ``driver_busy_s`` of ``virtual_s`` seconds the driver was at work."""

    scenario: Scenario
    engine: Engine
    ledger: bytes
    entries: list[Entry]
    tracker: InMemoryTracker
    deeds: Deeds
    occupancy: Occupancy
    virtual_s: float
    driver_busy_s: float


def run(
    scenario: Scenario,
    parts: Parts | None = None,
    on_update: Callable[[SweepHistory], None] | None = None,
) -> Run:
    """Simulate a sweep; ``on_update`` is called with its history whenever that has changed.

    Raises:
        InvariantBrokenError: The sweep came to no end, or something in it raised an error.
        InputError: The problem does not know the sweep's space.
    """
    world = World(scenario, parts or Parts(), on_update)
    try:
        world.open_driver()
        _live_through(world)
        _track(world)
    except (InvariantBrokenError, InputError):
        raise
    except Exception as error:
        what = f"{type(error).__name__}: {error}"
        raise InvariantBrokenError(scenario.plan.seed, world.clock.now, what) from error
    return Run(
        scenario,
        world.engine,
        bytes(world.disk.content),
        [entry for entry, _ in world.disk.entries()],
        world.tracker.kept,
        world.cluster.deeds,
        world.cluster.occupancy,
        world.clock.now,
        world.driver_busy_s,
    )


def _live_through(world: World) -> None:
    Trouble(world)
    patience = HAPPENINGS_PER_TRIAL * (world.scenario.spec.trials + 10)
    while not world.is_over:
        patience -= 1
        if not patience or not world.clock.step():
            why = "nothing is left that could happen" if patience else "there is no end in sight"
            what = f"{why}, with {world.engine.history.trials_ended} trials ended"
            raise InvariantBrokenError(world.scenario.plan.seed, world.clock.now, what)


def _track(world: World) -> None:
    """Where the tracking server was away to the last, a person resumes the ended sweep until it was told."""
    while not world.is_tracked:
        world.tracker.is_away = world.is_over = False
        world.open_driver()
        while not world.is_over and world.clock.step():
            pass
