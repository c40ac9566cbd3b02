"""What a follower tells a tracker. Every call may be repeated: said twice, it leaves what it left once."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from ratefront.history import TrialHistory
from ratefront.records import DEFAULT_OBJECTIVES


@dataclass(frozen=True)
class TrackedSweep:
    """A sweep as a tracker sees it. ``created_time``: the ledger's first entry, seconds since the epoch."""

    name: str
    created_time: float
    ratefront_version: str
    spec: Mapping[str, Any] = field(default_factory=dict)

    @property
    def identity(self) -> str:
        """16 hex digits that no other sweep has, the same at every replay of its ledger."""
        return hashlib.sha256(f"{self.name}\n{self.created_time!r}".encode()).hexdigest()[:16]

    @property
    def objectives(self) -> tuple[str, ...]:
        return tuple(self.spec.get("objectives", DEFAULT_OBJECTIVES))


@dataclass(frozen=True)
class Reading:
    """What a running trial reported at a step (epoch, from 1), and when (seconds since the epoch)."""

    step: int
    time: float
    metrics: Mapping[str, float]


@dataclass(frozen=True)
class Closing:
    """What is known of a sweep when its driver leaves it.

    ``front`` holds the identities of the trials on the front. ``interrupted``: the sweep did not reach its
    end and may go on later.
    """

    figures: Mapping[str, float]
    artifacts: Sequence[Path]
    front: frozenset[str]
    note: str
    interrupted: bool


class Tracker(Protocol):
    """A place where a person browses sweeps: one run a sweep, one child run a trial.

    Any call may raise when the place cannot be reached; the follower then calls ``open_sweep`` again before
    it repeats what failed. Calls come from one thread.
    """

    def open_sweep(self, sweep: TrackedSweep, *, running: bool) -> None:
        """Find the sweep's run or make it; ``running`` opens it again where an earlier driver closed it."""

    def show_trial(self, trial: TrialHistory, readings: Sequence[Reading]) -> None:
        """Make the trial's run say what the trial is now, with these readings added to its curves."""

    def close_sweep(self, closing: Closing, time: float) -> None:
        """Put figures and artifacts on the sweep's run and end it; no run of the sweep is left running.

        ``time`` is that of the ledger's last entry, seconds since the epoch.
        """
