"""What a follower tells a tracker. Every call may be repeated: said twice, it leaves what it left once."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, TypeAlias

from ratefront.history.events import Reported
from ratefront.history.sweep_history import TrialHistory
from ratefront.records import Objectives, objectives_of
from ratefront.store.task_model_info import DatasetInfo

#: ``interrupted``: its driver left before the end, and it may go on; ``failed``: it could not go on.
Outcome: TypeAlias = Literal["finished", "interrupted", "failed"]

#: What a running trial reported, behind the ledger's time for it in seconds since the epoch.
TimedReport: TypeAlias = tuple[float, Reported]


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
    def objectives(self) -> Objectives:
        return objectives_of(self.spec)


@dataclass(frozen=True)
class Provenance:
    """What the ledger does not say of a sweep: its folder does. ``artifacts`` are files to show beside it."""

    folder: Path
    git_commit: str | None = None
    artifacts: tuple[Path, ...] = ()
    dataset: DatasetInfo | None = None


@dataclass(frozen=True)
class ParetoRank:
    """Where a finished trial stands among the others, on validation: ``rank`` 1, dominated by none, is the front."""

    rank: int

    @property
    def is_on_front(self) -> bool:
        return self.rank == 1


@dataclass(frozen=True)
class TrialUpdate:
    """A trial as it is now, and what is new of it.

    ``reports`` are to be added to its curves; ``gap_bits`` has the bits above each bound, by the bound's name, where
    the trial has a result; ``pareto_rank`` is None before the sweep's end.
    """

    trial: TrialHistory
    reports: Sequence[TimedReport] = ()
    gap_bits: Mapping[str, float] = field(default_factory=dict)
    pareto_rank: ParetoRank | None = None


@dataclass(frozen=True)
class FrontCodec:
    """A codec on the front, as its trial left it: ``config`` (JSON) and ``weights`` (safetensors).

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
    """What is known of a sweep when its driver leaves it. ``note`` is Markdown; where the sweep failed, ``reason``
    says why. ``codecs`` are to be kept as models. ``shows_pareto_rank``: the front is worth a tag on every trial.
    """

    outcome: Outcome
    figures: Mapping[str, float] = field(default_factory=dict)
    artifacts: Sequence[Path] = ()
    note: str = ""
    reason: str = ""
    codecs: Sequence[FrontCodec] = ()
    shows_pareto_rank: bool = True


class Tracker(Protocol):
    """A place where a person browses sweeps: one run a sweep, one child run a trial.

    Any call may raise when the place cannot be reached; the follower then calls ``open_sweep`` again before
    it repeats what failed. At most ``parallel_calls`` calls of ``show_trial`` and ``leave_trial`` come at the
    same time, for different trials; of the others one at a time.
    """

    parallel_calls: int

    def open_sweep(self, sweep: TrackedSweep, *, running: bool) -> None:
        """Find the sweep's run or make it; ``running`` opens it again where an earlier driver closed it."""

    def describe_sweep(self, provenance: Provenance) -> None:
        """Put on the sweep's run what its folder says; called again when that has changed."""

    def show_trial(self, update: TrialUpdate) -> None:
        """Make the trial's run say what the trial is now."""

    def leave_trial(self, trial: TrialHistory, pareto_rank: ParetoRank | None, time: float) -> None:
        """The driver leaves: the trial's run, if there is one, says where it stands, and is not left running."""

    def keep_codec(self, codec: FrontCodec) -> None:
        """Keep a codec as a model that can be loaded, with the run of its trial."""

    def mark_codecs(self, front: Sequence[str]) -> None:
        """Let codecs that were kept say whether they are of a trial on the front, of those named here."""

    def close_sweep(self, ending: TrackedEnding, time: float) -> None:
        """Put figures and artifacts on the sweep's run and end it.

        ``time`` is that of the ledger's last entry, seconds since the epoch.
        """
