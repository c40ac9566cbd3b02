"""Sweeps in MLflow: one parent run a sweep, one child a trial, each found again by its identity."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from ratefront.history import TrialHistory
from ratefront.tracking import presentation
from ratefront.tracking.mlflow_store import NAME_TAG, MlflowStore, StoredRun
from ratefront.tracking.presentation import TRIAL_TAG, RunStatus
from ratefront.tracking.protocol import Closing, Reading, TrackedSweep

PARENT_TAG = "mlflow.parentRunId"
_log = logging.getLogger(__name__)


class MlflowTracker:
    """Writes to an experiment at ``uri`` (SQLite file, database, server); connects when first used."""

    def __init__(self, uri: str, experiment: str) -> None:
        self._uri, self._experiment = uri, experiment
        self._connected: MlflowStore | None = None
        self._sweep: TrackedSweep | None = None
        self._parent: StoredRun | None = None
        self._trials: dict[str, StoredRun] = {}

    @property
    def _store(self) -> MlflowStore:
        if self._connected is None:
            self._connected = MlflowStore(self._uri, self._experiment)
        return self._connected

    def open_sweep(self, sweep: TrackedSweep, *, running: bool) -> None:
        self._sweep = sweep
        self._find_runs(sweep)
        if self._parent is None:
            start_ms = presentation.milliseconds(sweep.created_time)
            tags = presentation.sweep_tags(sweep)
            self._parent = self._store.create(presentation.sweep_run_name(sweep), start_ms, tags)
        elif running and self._parent.is_over:
            self._store.write(self._parent, [], {}, {"status": "running"})
            self._store.reopen(self._parent)
        if not self._parent.has_params:
            self._store.write(self._parent, [], presentation.sweep_params(sweep), {})

    def show_trial(self, trial: TrialHistory, readings: Sequence[Reading]) -> None:
        sweep, _ = self._opened()
        run = self._trials.get(trial.params.trial_id) or self._create(trial)
        tags = presentation.trial_tags(sweep, trial)
        if trial.ended and _says_it_all(run, presentation.RUN_STATUS[trial.status], tags):
            return
        if run.is_over:
            self._store.reopen(run)
        points = presentation.epoch_points(readings) + presentation.final_points(trial, sweep.objectives)
        params = {} if run.has_params else presentation.trial_params(trial)
        # The name first: MLflow writes it in a session of its own, which must not wait for the others'.
        self._store.write(run, points, params, {NAME_TAG: presentation.trial_run_name(trial), **tags})
        if trial.ended_time is not None:
            self._store.end(run, presentation.RUN_STATUS[trial.status], trial.ended_time)

    def close_sweep(self, closing: Closing, time: float) -> None:
        sweep, _ = self._opened()
        self._find_runs(sweep)
        _, parent = self._opened()
        for trial_id, run in self._trials.items():
            self._close_trial(trial_id, run, closing, time)
        figures = presentation.finite_points(closing.figures, time)
        self._store.write(parent, figures, {}, presentation.closing_tags(closing))
        for path in closing.artifacts:
            if path.is_file():
                self._store.add_artifact(parent, path)
            else:
                _log.warning("tracking: %s does not exist and is not logged", path)
        self._store.end(parent, "KILLED" if closing.interrupted else "FINISHED", time)

    def _close_trial(self, trial_id: str, run: StoredRun, closing: Closing, time: float) -> None:
        tags = presentation.front_tag(trial_id in closing.front, run.tags.get("pareto"))
        if run.is_over:
            self._store.write(run, [], {}, tags)
            return
        self._store.write(run, [], {}, {**tags, "status": "interrupted"})
        self._store.end(run, "KILLED", time)

    def _opened(self) -> tuple[TrackedSweep, StoredRun]:
        if self._sweep is None or self._parent is None:
            raise RuntimeError("open_sweep comes first")
        return self._sweep, self._parent

    def _create(self, trial: TrialHistory) -> StoredRun:
        sweep, parent = self._opened()
        start_ms = presentation.milliseconds(trial.started_time or trial.planned_time)
        tags = {PARENT_TAG: parent.run_id, **presentation.trial_tags(sweep, trial), "status": "running"}
        tags = {name: value for name, value in tags.items() if value}
        run = self._store.create(presentation.trial_run_name(trial), start_ms, tags)
        self._trials[trial.params.trial_id] = run
        return run

    def _find_runs(self, sweep: TrackedSweep) -> None:
        """Learn the sweep's runs from the store; of a run that was made twice, the emptier one is deleted.

        A request whose answer was lost may still have been carried out: asking again makes a second run.
        """
        by_trial: dict[str | None, list[StoredRun]] = {}
        for run in self._store.runs_of(sweep.identity):
            by_trial.setdefault(run.tags.get(TRIAL_TAG), []).append(run)
        kept = {trial_id: self._keep_fullest(runs) for trial_id, runs in by_trial.items()}
        self._parent = kept.pop(None, None)
        self._trials = {trial_id: run for trial_id, run in kept.items() if trial_id is not None}

    def _keep_fullest(self, runs: list[StoredRun]) -> StoredRun:
        fullest = max(runs, key=lambda run: (run.is_over, run.metrics, run.has_params, -run.start_ms))
        for run in runs:
            if run is not fullest:
                self._store.delete(run)
        return fullest


def _says_it_all(run: StoredRun, status: RunStatus, tags: Mapping[str, str]) -> bool:
    """A run is ended after all else was written, so that one that ended as its trial did needs nothing more.

    A trial that failed, was tried again and failed again has other tags than its run.
    """
    return run.status == status and all(run.tags.get(name, "") == value for name, value in tags.items())
