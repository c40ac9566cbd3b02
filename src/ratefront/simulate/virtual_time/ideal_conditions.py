"""What a simulation leaves to chance and to its surroundings: here nothing goes wrong.

The fault rig derives from ``IdealConditions`` and ``SimulationObserver``; the parts in virtual time call these methods
and know nothing of faults.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from ratefront.engine.messages import EngineMessage, Start, WorkerMessage
from ratefront.history.sweep_history import SweepHistory
from ratefront.simulate.problems.simulated_problem import TrialCourse
from ratefront.simulate.virtual_time.in_memory_ledger import MemoryDisk
from ratefront.spec.sweep_spec import SweepSpec
from ratefront.tracking.in_memory_tracker import InMemoryTracker
from ratefront.tracking.tracker_protocol import Tracker


@dataclass(frozen=True)
class Continuation:
    """What a person asks of a sweep that has ended: further trials, the failed ones once more, or a larger budget.

    ``spec`` is the sweep file from then on; None: it stays as it is.
    """

    more_trials: int = 0
    retry_failed: bool = False
    spec: SweepSpec | None = None


class IdealConditions:
    """Chance, disk and tracking server of a simulation, and the questions that its parts ask about disturbances.

    Attributes:
        seed: The seed of ``random``; errors name it.
        random: The one source of chance in a simulation. The order of its draws is part of what a seed replays.
        disk: Where the ledger lies.
        memory_tracker: What the tracker has recorded.
        tracker: What followers deliver to; here the same object.
    """

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self.random = Random(f"world {seed}")  # noqa: S311
        self.disk = MemoryDisk()
        self.memory_tracker = InMemoryTracker()
        self.tracker: Tracker = self.memory_tracker

    def driver_starts(self) -> None:
        """A driver is about to be started: what was meant for the one before it no longer holds."""

    def restore_tracker(self) -> None:
        """The tracking server is reachable from now on."""

    def checkpoint_is_corrupt(self) -> bool:
        """Return whether a worker cannot use the checkpoint that an earlier attempt left."""
        return False

    def slowness(self) -> float:
        """Return the factor by which an attempt takes longer than its course says."""
        return 1.0

    def hangs_after(self, steps: int) -> int | None:
        """Return after which of its ``steps`` reports an attempt hangs for ever; None: it does not hang."""
        return None

    def changed_course(self, course: TrialCourse, start: Start, times_reopened: int) -> TrialCourse:
        """Return what the trial does instead of ``course``."""
        return course

    def extra_delay_s(self) -> float:
        """Return how many seconds longer than usual a message takes."""
        return 0.0

    def repeated_after_s(self) -> float | None:
        """Return how long after its first arrival a message arrives again; None: it does not."""
        return None

    def worker_survives_driver(self) -> bool:
        """Return whether a worker goes on when its driver is lost."""
        return False

    def continuation(self, history: SweepHistory) -> Continuation | None:
        """Return what a person asks of the sweep, now that it has ended; None: nothing."""
        return None


class SimulationObserver:
    """Receives what really happens in a simulation, whatever the ledger says; this class keeps nothing.

    A worker's key is its trial's id and the number of the attempt.
    """

    def worker_launched(self, key: tuple[str, int], start: Start) -> None:
        """A worker was started as the engine's command says: with its GPUs, and with its batches cut into parts."""

    def worker_sent(self, key: tuple[str, int], message: WorkerMessage) -> None:
        """A worker sent a message, which may arrive late, twice or not at all."""

    def worker_lost(self, key: tuple[str, int]) -> None:
        """A worker's process died."""

    def message_judged(self, message: EngineMessage, before: int, after: int) -> None:
        """The engine judged a message: the ledger had ``before`` entries, and has ``after`` entries now."""
