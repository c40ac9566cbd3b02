"""The tracker for MLflow: one parent run for each sweep, one child run for each trial, found by their identity."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from typing_extensions import override

from ratefront.history.sweep_history import TrialHistory
from ratefront.tracking import run_keys, run_tags
from ratefront.tracking import tracking_uri as addresses
from ratefront.tracking.mlflow.codec_models import CodecModels
from ratefront.tracking.mlflow.mlflow_store import NAME_TAG, MlflowStore, StoredRun
from ratefront.tracking.mlflow.saved_views import view_tags
from ratefront.tracking.run_tags import TRIAL_TAG, RunStatus
from ratefront.tracking.tracker_protocol import (
    FrontCodec,
    ParetoRank,
    Provenance,
    TrackedEnding,
    TrackedSweep,
    Tracker,
    TrialUpdate,
)

PARENT_TAG = "mlflow.parentRunId"

#: Requests at the same time. A server answers several, each in tens of milliseconds. SQLite has one writer.
PARALLEL_CALLS_TO_SERVER = 6
_log = logging.getLogger(__name__)


class MlflowTracker(Tracker):
    """Writes to an experiment at ``uri`` (SQLite file, database or server). It connects at the first call.

    ``artifacts`` is the folder for files, for a database whose address does not say where its files go. With a name in
    ``register``, codecs are registered as versions of that model.
    """

    def __init__(
        self, uri: str, experiment: str, *, artifacts: Path | None = None, register: str | None = None
    ) -> None:
        self._uri, self._experiment = uri, experiment
        self._artifacts, self._register = artifacts, register
        self.parallel_calls = 1 if addresses.sqlite_path(uri) else PARALLEL_CALLS_TO_SERVER
        self._connected: MlflowStore | None = None
        self._sweep: TrackedSweep | None = None
        self._provenance: Provenance | None = None
        self._parent: StoredRun | None = None
        self._trials: dict[str, StoredRun] = {}

    @property
    def _store(self) -> MlflowStore:
        if self._connected is None:
            self._connected = MlflowStore(self._uri, self._experiment, self._artifacts)
        return self._connected

    @override
    def open_sweep(self, sweep: TrackedSweep, *, running: bool) -> None:
        self._sweep = sweep
        self._store.tag_experiment(view_tags(sweep.objectives, sweep.identity))
        self._find_runs(sweep)
        if self._parent is None:
            start_ms = run_keys.milliseconds(sweep.created_time)
            tags = run_tags.sweep_tags(sweep)
            self._parent = self._store.create(run_tags.sweep_run_name(sweep), start_ms, tags)
        elif running and self._parent.is_over:
            self._store.write(self._parent, [], {}, {"status": "running"})
            self._store.reopen(self._parent)
        if not self._parent.has_params:
            self._store.write(self._parent, [], run_keys.sweep_params(sweep), {})

    @override
    def describe_sweep(self, provenance: Provenance) -> None:
        _, parent = self._opened()
        self._provenance = provenance
        self._store.write(parent, [], {}, run_tags.folder_tags(provenance))
        for path in provenance.artifacts:
            self._store.add_artifact(parent, path)
        self._use_dataset(parent)

    @override
    def show_trial(self, update: TrialUpdate) -> None:
        sweep, _ = self._opened()
        trial = update.trial
        tags = run_tags.trial_tags(sweep, update, self._provenance)
        run = self._trials.get(trial.params.trial_id) or self._create(trial, tags)
        if trial.ended and _is_complete(run, run_tags.RUN_STATUS[trial.status], tags):
            return
        if run.is_over:
            self._store.reopen(run)
        points = run_keys.epoch_points(update.reports) + run_keys.final_points(update, sweep.objectives)
        params = {} if run.has_params else run_keys.trial_params(trial)
        # The name first: MLflow writes it in a database session of its own, which must not wait for the others.
        self._store.write(run, points, params, {NAME_TAG: run_tags.trial_run_name(trial), **tags})
        if trial.ended_time is not None:
            self._store.end(run, run_tags.RUN_STATUS[trial.status], trial.ended_time)

    @override
    def leave_trial(self, trial: TrialHistory, pareto_rank: ParetoRank | None, time: float) -> None:
        run = self._trials.get(trial.params.trial_id)
        if run is None:
            return
        tags = run_tags.pareto_tags(pareto_rank)
        points = run_keys.seed_points(pareto_rank, time)
        if run.is_over:
            self._store.write(run, points, {}, tags)
            return
        self._store.write(run, points, {}, {**tags, "status": "interrupted"})
        self._store.end(run, "KILLED", time)

    @override
    def keep_codec(self, codec: FrontCodec) -> None:
        sweep, _ = self._opened()
        run = self._trials.get(codec.trial_id)
        if run is not None:
            self._use_dataset(run)
            self._models().log(run.run_id, sweep.identity, codec)

    def _models(self) -> CodecModels:
        return CodecModels(self._store.client, self._store.experiment_id, self._register)

    @override
    def mark_codecs(self, front: Sequence[str]) -> None:
        sweep, _ = self._opened()
        self._models().mark_front(sweep.identity, front)

    @override
    def close_sweep(self, ending: TrackedEnding, time: float) -> None:
        _, parent = self._opened()
        figures = run_keys.finite_points(ending.figures, time)
        self._store.write(parent, figures, {}, run_tags.ending_tags(ending))
        for path in ending.artifacts:
            if path.is_file():
                self._store.add_artifact(parent, path)
            else:
                _log.warning("tracking: %s does not exist and is not logged", path)
        self._store.end(parent, run_tags.SWEEP_STATUS[ending.outcome], time)

    def _opened(self) -> tuple[TrackedSweep, StoredRun]:
        if self._sweep is None or self._parent is None:
            raise RuntimeError("open_sweep comes first")
        return self._sweep, self._parent

    def _create(self, trial: TrialHistory, tags: Mapping[str, str]) -> StoredRun:
        """Create the trial's run with all its tags, which saves a request. RUNNING means: not complete."""
        _, parent = self._opened()
        start_ms = run_keys.milliseconds(trial.started_time or trial.planned_time)
        filled = {name: value for name, value in tags.items() if value}
        name = run_tags.trial_run_name(trial)
        run = self._store.create(name, start_ms, {PARENT_TAG: parent.run_id, **filled})
        self._trials[trial.params.trial_id] = run
        return run

    def _use_dataset(self, run: StoredRun) -> None:
        """Add the data set to a run. Only for sweep and kept codecs: for all trials it would take a fifth more time."""
        dataset = None if self._provenance is None else self._provenance.dataset
        if dataset is not None and not run.has_dataset:
            self._store.add_dataset(run, dataset)

    def _find_runs(self, sweep: TrackedSweep) -> None:
        """Find the sweep's runs in the store. If a run was created twice, delete the one with less content.

        A request whose answer was lost may have been carried out: its repetition creates a second run.
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


def _is_complete(run: StoredRun, status: RunStatus, tags: Mapping[str, str]) -> bool:
    """Return whether the run needs nothing more: it is ended last, after all else was written.

    The tags are compared too: those of a trial that failed again differ from those of its earlier failure.
    """
    return run.status == status and all(run.tags.get(name, "") == value for name, value in tags.items())
