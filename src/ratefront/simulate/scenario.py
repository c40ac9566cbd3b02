"""What is simulated: a sweep, the cluster that it runs on, what goes wrong, and the parts that have to cope with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from ratefront.engine.engine import Engine
from ratefront.engine.live_sweep import LedgerLike, LiveSweep
from ratefront.history.events import Entry
from ratefront.simulate.fault_plan import FaultPlan
from ratefront.simulate.memory_ledger import Disk, MemoryJournal
from ratefront.simulate.simulated_problem import Problem
from ratefront.spec.schema import SweepSpec
from ratefront.spec.space.dimensions import Space


@dataclass(frozen=True)
class Scenario:
    """``nodes`` has the slots of each node; ``latency_s`` is what one thing takes that the driver does with the engine,
    None: as long as it takes here, now. ``is_watched``: a tracker follows, and what is done is kept for checking.
    """

    spec: SweepSpec
    space: Space
    problem: Problem
    nodes: tuple[int, ...]
    latency_s: float | None = 0.002
    plan: FaultPlan = field(default_factory=FaultPlan)
    is_watched: bool = True


class OpenJournal(LedgerLike, Protocol):
    """A ledger that is open for writing, a torn end cut off."""

    @property
    def entries(self) -> list[Entry]: ...


@dataclass(frozen=True)
class Parts:
    """What is under test; tests put broken parts in."""

    engine: type[Engine] = Engine
    live: type[LiveSweep] = LiveSweep
    journal: Callable[[Disk, Callable[[], float]], OpenJournal] = MemoryJournal
