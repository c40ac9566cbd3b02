"""A tracker that keeps everything in memory, for tests. It is also the shortest description of a tracker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from typing_extensions import override

from ratefront.history.sweep_history import TrialHistory
from ratefront.tracking import run_keys, run_tags
from ratefront.tracking.run_keys import MetricPoint
from ratefront.tracking.run_tags import RunStatus
from ratefront.tracking.tracker_protocol import (
    FrontCodec,
    ParetoRank,
    Provenance,
    TrackedEnding,
    TrackedSweep,
    Tracker,
    TrialUpdate,
)


@dataclass
class RunRecord:
    """A run as a person sees it. Times are in milliseconds since the epoch."""

    name: str
    status: RunStatus
    start_ms: int
    end_ms: int | None = None
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    points: set[MetricPoint] = field(default_factory=set)
    artifacts: set[str] = field(default_factory=set)
    datasets: set[str] = field(default_factory=set)
    models: set[str] = field(default_factory=set)

    def end(self, status: RunStatus, time: float) -> None:
        """End the run at ``time`` (seconds since the epoch), and not before it began: a clock may be set back."""
        self.status, self.end_ms = status, max(self.start_ms, run_keys.milliseconds(time))


@dataclass
class SweepRecord:
    """A sweep's run, and its child runs by trial."""

    parent: RunRecord
    trials: dict[str, RunRecord] = field(default_factory=dict)


class InMemoryTracker(Tracker):
    """Sweeps by their identity. It outlives followers, as a server outlives drivers."""

    parallel_calls = 1

    def __init__(self) -> None:
        self.sweeps: dict[str, SweepRecord] = {}
        self._sweep: TrackedSweep | None = None
        self._provenance: Provenance | None = None

    def _opened(self) -> tuple[TrackedSweep, SweepRecord]:
        if self._sweep is None:
            raise RuntimeError("open_sweep comes first")
        return self._sweep, self.sweeps[self._sweep.identity]

    @override
    def open_sweep(self, sweep: TrackedSweep, *, running: bool) -> None:
        self._sweep = sweep
        if sweep.identity not in self.sweeps:
            start_ms = run_keys.milliseconds(sweep.created_time)
            parent = RunRecord(run_tags.sweep_run_name(sweep), "RUNNING", start_ms)
            parent.params = run_keys.sweep_params(sweep)
            parent.tags = run_tags.sweep_tags(sweep)
            self.sweeps[sweep.identity] = SweepRecord(parent)
        elif running:
            parent = self.sweeps[sweep.identity].parent
            parent.status, parent.tags["status"] = "RUNNING", "running"

    @override
    def describe_sweep(self, provenance: Provenance) -> None:
        _, record = self._opened()
        self._provenance = provenance
        record.parent.tags |= run_tags.folder_tags(provenance)
        record.parent.artifacts.update(path.name for path in provenance.artifacts)
        self._use_dataset(record.parent)

    def _use_dataset(self, run: RunRecord) -> None:
        dataset = None if self._provenance is None else self._provenance.dataset
        if dataset is not None:
            run.datasets.add(dataset.called)

    @override
    def show_trial(self, update: TrialUpdate) -> None:
        sweep, record = self._opened()
        trial = update.trial
        start_ms = run_keys.milliseconds(trial.started_time or trial.planned_time)
        run = record.trials.setdefault(trial.params.trial_id, RunRecord("", "RUNNING", start_ms))
        run.name = run_tags.trial_run_name(trial)
        run.params = run_keys.trial_params(trial)
        run.tags |= run_tags.trial_tags(sweep, update, self._provenance)
        run.points.update(run_keys.epoch_points(update.reports))
        run.points.update(run_keys.final_points(update, sweep.objectives))
        run.status = run_tags.RUN_STATUS[trial.status]
        if trial.ended_time is not None:
            run.end(run.status, trial.ended_time)

    @override
    def leave_trial(self, trial: TrialHistory, pareto_rank: ParetoRank | None, time: float) -> None:
        _, record = self._opened()
        run = record.trials.get(trial.params.trial_id)
        if run is None:
            return
        run.tags |= run_tags.pareto_tags(pareto_rank)
        run.points.update(run_keys.seed_points(pareto_rank, time))
        if run.status == "RUNNING":
            run.tags["status"] = "interrupted"
            run.end("KILLED", time)

    @override
    def keep_codec(self, codec: FrontCodec) -> None:
        _, record = self._opened()
        run = record.trials[codec.trial_id]
        self._use_dataset(run)
        run.models.add(codec.trial_id)

    @override
    def mark_codecs(self, front: Sequence[str]) -> None:
        """Do nothing: models are kept as names only."""

    @override
    def close_sweep(self, ending: TrackedEnding, time: float) -> None:
        _, record = self._opened()
        record.parent.points.update(run_keys.finite_points(ending.figures, time))
        record.parent.tags |= run_tags.ending_tags(ending)
        record.parent.artifacts.update(path.name for path in ending.artifacts if path.is_file())
        record.parent.end(run_tags.SWEEP_STATUS[ending.outcome], time)
