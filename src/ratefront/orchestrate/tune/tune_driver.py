"""Runs the engine's trials under Ray Tune. Tune places trials on workers; the engine decides what runs."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ray import tune
from ray.exceptions import RayError
from ray.tune import CheckpointConfig, PlacementGroupFactory, ProgressReporter, RunConfig, TuneConfig, Tuner
from ray.tune.error import TuneError
from ray.tune.experiment import Trial
from ray.tune.schedulers import FIFOScheduler

from ratefront.engine.live_sweep import LiveSweep
from ratefront.errors import EngineError
from ratefront.orchestrate.driver_loop import DriverLoop
from ratefront.orchestrate.tune.live_sweep_reference import LiveSweepReference
from ratefront.orchestrate.tune.lost_workers import ReportedWorkerError, tune_reports_to
from ratefront.orchestrate.tune.trial_worker import TrialActor, WorkerSetting, needs_of
from ratefront.orchestrate.tune.tune_callbacks import ResultListener, WorkerListener
from ratefront.orchestrate.tune.tune_searcher import EngineSearcher

#: Ray counts resources in parts of this size, and rounds to the nearest.
_PARTS = 10_000


def run_trials(
    sweep: LiveSweep, setting: WorkerSetting, loop: DriverLoop, slots_now: Callable[[], int]
) -> None:
    """Run trials until the engine has no more; a Ray cluster must be connected.

    ``slots_now`` says how many trials may run at the same time now, ``resources.concurrent`` at most.

    Raises:
        EngineError: Tune stopped before the engine was done, or the ledger could not be written.
    """
    spec = setting.context.spec
    reference, error = LiveSweepReference(sweep, spec.resources.concurrent), ReportedWorkerError()
    with tempfile.TemporaryDirectory(prefix="ratefront-tune-") as storage, tune_reports_to(error):
        listener = WorkerListener(reference, loop, error, spec.trial_hours, slots_now)
        tuner = _tuner(reference, listener, setting, Path(storage))
        loop.hold_signals()
        try:
            tuner.fit()
        except (TuneError, RayError) as stop:
            raise sweep.failure or EngineError(f"Ray Tune stopped: {stop}") from stop
    if sweep.failure:
        raise sweep.failure
    if not sweep.done:
        raise EngineError("Ray Tune stopped before every trial had ended; the sweep can be resumed")


def _tuner(
    reference: LiveSweepReference, listener: WorkerListener, setting: WorkerSetting, storage: Path
) -> Tuner:
    actor = tune.with_parameters(TrialActor, setting=setting)
    return Tuner(
        tune.with_resources(actor, resources_of),
        tune_config=TuneConfig(
            search_alg=EngineSearcher(reference),
            scheduler=_QueueOrder(),  # type: ignore[no-untyped-call]
            num_samples=-1,
            max_concurrent_trials=reference.slots,
            reuse_actors=True,
        ),
        run_config=RunConfig(
            name="sweep",
            storage_path=str(storage),
            stop=ResultListener(reference),
            callbacks=[listener],
            checkpoint_config=CheckpointConfig(checkpoint_at_end=False),
            verbose=0,
            progress_reporter=_NoProgressReport(),
            log_to_file=False,
        ),
    )


def resources_of(config: dict[str, Any]) -> PlacementGroupFactory:
    """Return what Tune reserves for a trial. Actors are reused for trials with equal resources."""
    needs = needs_of(config)
    bundle = {"CPU": _in_parts(needs.cpus)} | ({"GPU": _in_parts(needs.gpus)} if needs.gpus else {})
    return PlacementGroupFactory([bundle])


def _in_parts(amount: float) -> float:
    """Round down to Ray's parts, so that six sixths of a GPU are not more than one; never to 0."""
    return max(1, math.floor(amount * _PARTS + 1e-6)) / _PARTS


class _NoProgressReport(ProgressReporter):
    """Reports nothing. Tune's own reporter would clear the notebook cell that shows the sweep's progress."""

    def should_report(self, trials: list[Trial], done: bool = False) -> bool:
        return False

    def report(self, trials: list[Trial], done: bool, *sys_info: str) -> None:
        return None


class _QueueOrder(FIFOScheduler):
    """Tune's default scheduler without its search through all trials, ended ones too, at every turn.

    The queue has the order already.
    """

    def choose_trial_to_run(self, tune_controller: object) -> None:
        return None
