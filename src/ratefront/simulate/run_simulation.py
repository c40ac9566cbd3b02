"""A simulation from its first driver to the last delivery to its tracker."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ratefront.engine.engine import Engine
from ratefront.errors import InputError, RatefrontError
from ratefront.history.events import Entry
from ratefront.history.sweep_history import SweepHistory
from ratefront.simulate.scenario import Parts, Scenario
from ratefront.simulate.simulation import Simulation
from ratefront.simulate.virtual_time.slot_occupancy import SlotOccupancy
from ratefront.tracking.in_memory_tracker import InMemoryTracker

#: A sweep that is not over after so many actions for each of its trials never will be.
ACTIONS_PER_TRIAL = 20_000

#: Nor is one whose ledger has not grown for so many actions: a driver that has a budget looks at its clock for ever.
ACTIONS_IN_VAIN = 20_000


class InvariantBrokenError(RatefrontError):
    """What must hold in every sweep did not hold in a simulated one; ``violation`` says what."""

    def __init__(self, seed: int, time_s: float, violation: str) -> None:
        self.seed, self.time_s, self.violation = seed, time_s, violation
        super().__init__(f"seed {seed}, after {time_s:.3f} virtual seconds: {violation}")


@dataclass(frozen=True)
class FinishedSimulation:
    """What a simulation leaves.

    Attributes:
        scenario: What was simulated.
        engine: The last driver's engine.
        ledger: The bytes of the ledger.
        entries: Its entries.
        tracker: What the tracker has recorded.
        occupancy: How many slots computed, over time.
        virtual_s: How long it took, in virtual seconds.
        driver_busy_s: How many of these the driver was at work.
    """

    scenario: Scenario
    engine: Engine
    ledger: bytes
    entries: list[Entry]
    tracker: InMemoryTracker
    occupancy: SlotOccupancy
    virtual_s: float
    driver_busy_s: float


def run(
    scenario: Scenario,
    parts: Parts | None = None,
    on_update: Callable[[SweepHistory], None] | None = None,
) -> FinishedSimulation:
    """Simulate a sweep without faults; ``on_update`` is called with its history whenever that has changed.

    Raises:
        InvariantBrokenError: The sweep came to no end, or something in it raised an error.
        InputError: The problem does not know the sweep's space.
    """
    return run_to_end(Simulation(scenario, parts, on_update=on_update))


def run_to_end(simulation: Simulation, on_start: Callable[[], object] = lambda: None) -> FinishedSimulation:
    """Run a simulation that has not begun; ``on_start`` is called once the first driver was started.

    Raises:
        InvariantBrokenError: The sweep came to no end, or something in it raised an error.
        InputError: The problem does not know the sweep's space.
    """
    conditions = simulation.conditions
    try:
        simulation.start_driver()
        on_start()
        _run_until_over(simulation)
        _track_to_the_end(simulation)
    except (InvariantBrokenError, InputError):
        raise
    except Exception as error:
        violation = f"{type(error).__name__}: {error}"
        raise InvariantBrokenError(conditions.seed, simulation.clock.now, violation) from error
    return FinishedSimulation(
        simulation.scenario,
        simulation.engine,
        bytes(conditions.disk.content),
        [entry for entry, _ in conditions.disk.entries()],
        conditions.memory_tracker,
        simulation.cluster.occupancy,
        simulation.clock.now,
        simulation.driver_busy_s,
    )


def _run_until_over(simulation: Simulation) -> None:
    actions_left = ACTIONS_PER_TRIAL * (simulation.scenario.spec.trials + 10)
    left_in_vain, length = ACTIONS_IN_VAIN, 0
    while not simulation.is_over:
        actions_left -= 1
        left_in_vain = left_in_vain - 1 if simulation.ledger_length == length else ACTIONS_IN_VAIN
        length = simulation.ledger_length
        if not actions_left or not left_in_vain or not simulation.clock.step():
            is_endless = not actions_left or not left_in_vain
            why = "there is no end in sight" if is_endless else "nothing is left that could happen"
            violation = f"{why}, with {simulation.engine.history.trials_ended} trials ended"
            raise InvariantBrokenError(simulation.conditions.seed, simulation.clock.now, violation)


def _track_to_the_end(simulation: Simulation) -> None:
    """If the tracking server was away to the last, resume the ended sweep until the tracker knows all of it."""
    while not simulation.is_tracked:
        simulation.is_over = False
        simulation.conditions.restore_tracker()
        simulation.start_driver()
        while not simulation.is_over and simulation.clock.step():
            pass
