"""Ray Tune as a driver of the engine: it places trials on the cluster's workers; what to run is not its
decision."""

from __future__ import annotations

import math
import tempfile
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
from ratefront.orchestrate.driver_loop import Turns
from ratefront.orchestrate.tune.live_reference import LiveReference
from ratefront.orchestrate.tune.lost_workers import WorkerErrors, heard_by
from ratefront.orchestrate.tune.trial_worker import TrialActor, WorkerSetting, needs_of
from ratefront.orchestrate.tune.tune_results import LifeListener, ResultListener
from ratefront.orchestrate.tune.tune_searcher import EngineSearcher

#: Ray counts resources in so many parts of one, and rounds to the nearest.
_PARTS = 10_000


def run_trials(sweep: LiveSweep, setting: WorkerSetting, slots: int, turns: Turns) -> None:
    """Run trials until the engine has no more; a Ray cluster must be connected.

    Raises:
        EngineError: Tune stopped before the engine was done, or the ledger could not be written.
    """
    reference, errors = LiveReference(sweep), WorkerErrors()
    with tempfile.TemporaryDirectory(prefix="ratefront-tune-") as storage, heard_by(errors):
        listener = LifeListener(reference, turns, errors)
        tuner = _tuner(reference, listener, setting, slots, Path(storage))
        turns.expect()
        try:
            tuner.fit()
        except (TuneError, RayError) as error:
            raise sweep.failure or EngineError(f"Ray Tune stopped: {error}") from error
    if sweep.failure:
        raise sweep.failure
    if not sweep.done:
        raise EngineError("Ray Tune stopped before every trial had ended; the sweep can be resumed")


def _tuner(
    reference: LiveReference, listener: LifeListener, setting: WorkerSetting, slots: int, storage: Path
) -> Tuner:
    actor = tune.with_parameters(TrialActor, setting=setting)
    return Tuner(
        tune.with_resources(actor, resources_of),
        tune_config=TuneConfig(
            search_alg=EngineSearcher(reference),
            scheduler=_InOrder(),  # type: ignore[no-untyped-call]
            num_samples=-1,
            max_concurrent_trials=slots,
            reuse_actors=True,
        ),
        run_config=RunConfig(
            name="sweep",
            storage_path=str(storage),
            stop=ResultListener(reference),
            callbacks=[listener],
            checkpoint_config=CheckpointConfig(checkpoint_at_end=False),
            verbose=0,
            progress_reporter=_Silent(),
            log_to_file=False,
        ),
    )


def resources_of(config: dict[str, Any]) -> PlacementGroupFactory:
    """What Tune reserves for a trial, and the key by which actors are used again."""
    needs = needs_of(config)
    bundle = {"CPU": _in_parts(needs.cpus)} | ({"GPU": _in_parts(needs.gpus)} if needs.gpus else {})
    return PlacementGroupFactory([bundle])


def _in_parts(amount: float) -> float:
    """Rounded down, so that six sixths of a GPU are not more than one; never to nothing."""
    return max(1, math.floor(amount * _PARTS + 1e-6)) / _PARTS


class _Silent(ProgressReporter):
    """Says nothing. Tune's own would clear the cell of a notebook in which a sweep shows its progress."""

    def should_report(self, trials: list[Trial], done: bool = False) -> bool:
        return False

    def report(self, trials: list[Trial], done: bool, *sys_info: str) -> None:
        return None


class _InOrder(FIFOScheduler):
    """Tune's default without its search through all trials, ended ones too, at every turn: the queue has the order."""

    def choose_trial_to_run(self, tune_controller: object) -> None:
        return None
