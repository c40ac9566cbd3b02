"""What is simulated: a sweep, the cluster that it runs on, and the parts under test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from ratefront.engine.engine import Engine
from ratefront.engine.live_sweep import LedgerLike, LiveSweep
from ratefront.history.events import Entry, Known
from ratefront.simulate.problems.simulated_problem import SimulatedProblem
from ratefront.simulate.virtual_time.in_memory_ledger import MemoryDisk, MemoryLedger
from ratefront.spec.space.dimensions import Space
from ratefront.spec.sweep_spec import SweepSpec


@dataclass(frozen=True)
class Scenario:
    """A sweep and its cluster.

    Attributes:
        spec: The sweep's settings.
        space: Its space.
        problem: What its trials do.
        nodes: The number of slots of each node.
        latency_s: How long one thing takes that the driver does with the engine, in seconds; None: as long as it takes
            here, now.
        is_tracked: Whether a tracker follows the sweep.
        known: What is known before its first trial.
    """

    spec: SweepSpec
    space: Space
    problem: SimulatedProblem
    nodes: tuple[int, ...]
    latency_s: float | None = 0.002
    is_tracked: bool = True
    known: Known | None = None


class OpenLedger(LedgerLike, Protocol):
    """A ledger that is open for writing, a torn end cut off."""

    def entries(self) -> Iterator[Entry]:
        """All entries, from the first."""


@dataclass(frozen=True)
class Parts:
    """What is under test; tests put broken parts in.

    Attributes:
        engine: The engine's class.
        live: The class that joins engine and ledger.
        ledger: Opens the ledger of a disk; its second argument gives the time, in seconds since the epoch.
    """

    engine: type[Engine] = Engine
    live: type[LiveSweep] = LiveSweep
    ledger: Callable[[MemoryDisk, Callable[[], float]], OpenLedger] = MemoryLedger
