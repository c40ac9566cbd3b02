"""A tracker that keeps everything in memory: for tests, and the plainest statement of what a tracker does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ratefront.history import TrialHistory
from ratefront.tracking import presentation
from ratefront.tracking.presentation import Point, RunStatus
from ratefront.tracking.protocol import Closing, Reading, TrackedSweep


@dataclass
class RunRecord:
    """A run as a person finds it; times are milliseconds since the epoch."""

    name: str
    status: RunStatus
    start_ms: int
    end_ms: int | None = None
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    points: set[Point] = field(default_factory=set)
    artifacts: set[str] = field(default_factory=set)

    def end(self, status: RunStatus, time: float) -> None:
        self.status, self.end_ms = status, presentation.milliseconds(time)


@dataclass
class SweepRecord:
    """A sweep's run and its children by trial."""

    parent: RunRecord
    trials: dict[str, RunRecord] = field(default_factory=dict)


class InMemoryTracker:
    """Sweeps by their identity. Survives followers, as a server survives drivers."""

    def __init__(self) -> None:
        self.sweeps: dict[str, SweepRecord] = {}
        self._sweep: TrackedSweep | None = None

    def _opened(self) -> tuple[TrackedSweep, SweepRecord]:
        if self._sweep is None:
            raise RuntimeError("open_sweep comes first")
        return self._sweep, self.sweeps[self._sweep.identity]

    def open_sweep(self, sweep: TrackedSweep, *, running: bool) -> None:
        self._sweep = sweep
        if sweep.identity not in self.sweeps:
            start_ms = presentation.milliseconds(sweep.created_time)
            parent = RunRecord(presentation.sweep_run_name(sweep), "RUNNING", start_ms)
            parent.params = presentation.sweep_params(sweep)
            parent.tags = presentation.sweep_tags(sweep)
            self.sweeps[sweep.identity] = SweepRecord(parent)
        elif running:
            parent = self.sweeps[sweep.identity].parent
            parent.status, parent.tags["status"] = "RUNNING", "running"

    def show_trial(self, trial: TrialHistory, readings: Sequence[Reading]) -> None:
        sweep, record = self._opened()
        start_ms = presentation.milliseconds(trial.started_time or trial.planned_time)
        run = record.trials.setdefault(trial.params.trial_id, RunRecord("", "RUNNING", start_ms))
        run.name = presentation.trial_run_name(trial)
        run.params = presentation.trial_params(trial)
        run.tags |= presentation.trial_tags(sweep, trial)
        run.points.update(presentation.epoch_points(readings))
        run.points.update(presentation.final_points(trial, sweep.objectives))
        run.status = presentation.RUN_STATUS[trial.status]
        if trial.ended_time is not None:
            run.end(run.status, trial.ended_time)

    def close_sweep(self, closing: Closing, time: float) -> None:
        _, record = self._opened()
        for name, run in record.trials.items():
            run.tags |= presentation.front_tag(name in closing.front, run.tags.get("pareto"))
            if run.status == "RUNNING":
                run.tags["status"] = "interrupted"
                run.end("KILLED", time)
        record.parent.points.update(presentation.finite_points(closing.figures, time))
        record.parent.tags |= presentation.closing_tags(closing)
        record.parent.artifacts.update(path.name for path in closing.artifacts if path.is_file())
        record.parent.end("KILLED" if closing.interrupted else "FINISHED", time)
