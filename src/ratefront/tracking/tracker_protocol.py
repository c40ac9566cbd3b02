"""The calls that a tracker takes, and the data that they carry. Every call may be repeated without effect."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, TypeAlias

from ratefront.columns import FreshSeeds
from ratefront.history.events import Reported
from ratefront.history.sweep_history import TrialHistory
from ratefront.store.task_model_info import DatasetInfo
from ratefront.trial_records import Objectives, objectives_of

#: ``interrupted``: the driver left before the end, and the sweep can be resumed. ``failed``: it could not go on.
Outcome: TypeAlias = Literal["finished", "interrupted", "failed"]

#: The ledger's time of a report in seconds since the epoch, and what a running trial reported.
TimedReport: TypeAlias = tuple[float, Reported]


@dataclass(frozen=True)
class TrackedSweep:
    """A sweep as a tracker sees it. ``created_time`` is that of the ledger's first entry (seconds since the epoch)."""

    name: str
    created_time: float
    ratefront_version: str
    spec: Mapping[str, Any] = field(default_factory=dict)

    @property
    def identity(self) -> str:
        """16 hex digits that no other sweep has. They are the same at each replay of its ledger."""
        return hashlib.sha256(f"{self.name}\n{self.created_time!r}".encode()).hexdigest()[:16]

    @property
    def objectives(self) -> Objectives:
        """What the search minimises or maximises, by name."""
        return objectives_of(self.spec)


@dataclass(frozen=True)
class Provenance:
    """Where a sweep comes from, as its folder says: the ledger does not. ``artifacts`` are files to show beside it."""

    folder: Path
    git_commit: str | None = None
    artifacts: tuple[Path, ...] = ()
    dataset: DatasetInfo | None = None


@dataclass(frozen=True)
class ParetoRank:
    """How many fronts deep a finished trial lies on validation. ``rank`` 1 is the front: no trial dominates it.

    ``fresh_seeds`` is what its configuration measured with fresh seeds; None where none was measured.
    """

    rank: int
    fresh_seeds: FreshSeeds | None = None

    @property
    def is_on_front(self) -> bool:
        """Whether no other trial dominates this one."""
        return self.rank == 1


@dataclass(frozen=True)
class TrialUpdate:
    """A trial as it is now, and its new reports.

    Attributes:
        trial: The trial's history.
        reports: New reports, to be added to its curves.
        gap_bits: The bits above each bound, by the bound's name; empty without a result.
        pareto_rank: None before the sweep's end.
    """

    trial: TrialHistory
    reports: Sequence[TimedReport] = ()
    gap_bits: Mapping[str, float] = field(default_factory=dict)
    pareto_rank: ParetoRank | None = None


@dataclass(frozen=True)
class FrontCodec:
    """A codec on the front with its files: ``config`` (JSON) and ``weights`` (safetensors).

    ``rate_bits`` and ``accuracy`` were measured on test, in blocks of ``block_size`` samples.
    """

    trial_id: str
    family: str
    config: Path
    weights: Path
    block_size: int
    rate_bits: float
    accuracy: float


@dataclass(frozen=True)
class TrackedEnding:
    """How a sweep ended, or was left by its driver.

    Attributes:
        outcome: Finished, interrupted or failed.
        figures: Numbers of the whole sweep by name.
        artifacts: Files of the report.
        note: Markdown for the page of the sweep.
        reason: Why the sweep failed; empty otherwise.
        codecs: Codecs to keep as models.
        shows_pareto_rank: Whether every trial gets its rank as a tag; False for a front that may still change.
    """

    outcome: Outcome
    figures: Mapping[str, float] = field(default_factory=dict)
    artifacts: Sequence[Path] = ()
    note: str = ""
    reason: str = ""
    codecs: Sequence[FrontCodec] = ()
    shows_pareto_rank: bool = True


class Tracker(Protocol):
    """A store that shows sweeps: one run for each sweep, one child run for each trial.

    Any call may raise if the store cannot be reached. The follower then calls ``open_sweep`` again before it repeats
    what failed. At most ``parallel_calls`` calls of ``show_trial`` and ``leave_trial`` come at the same time, for
    different trials. All other calls come one at a time.
    """

    parallel_calls: int

    def open_sweep(self, sweep: TrackedSweep, *, running: bool) -> None:
        """Find the sweep's run or make it. ``running`` reopens a run that an earlier driver closed."""

    def describe_sweep(self, provenance: Provenance) -> None:
        """Show on the sweep's run what its folder says. It is called again after each change."""

    def show_trial(self, update: TrialUpdate) -> None:
        """Let the trial's run show the present state of the trial."""

    def leave_trial(self, trial: TrialHistory, pareto_rank: ParetoRank | None, time: float) -> None:
        """Show the trial's Pareto rank and fresh seeds, and end its run if it is running: the driver leaves.

        A trial may have no run. ``time`` is that of the ledger's last entry, seconds since the epoch.
        """

    def keep_codec(self, codec: FrontCodec) -> None:
        """Keep a codec as a model that can be loaded, linked to the run of its trial."""

    def mark_codecs(self, front: Sequence[str]) -> None:
        """Mark for each kept codec whether its trial is on the front: the trials in ``front`` are."""

    def close_sweep(self, ending: TrackedEnding, time: float) -> None:
        """Put figures and artifacts on the sweep's run and end it.

        ``time`` is that of the ledger's last entry, seconds since the epoch.
        """
