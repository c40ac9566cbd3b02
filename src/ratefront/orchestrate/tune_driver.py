"""Ray Tune as a driver of the engine: it places trials on the cluster's workers; what to run is not its
decision."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from ray import tune
from ray.tune import CheckpointConfig, PlacementGroupFactory, RunConfig, TuneConfig, Tuner
from ray.tune.error import TuneError

from ratefront.engine.live import LiveSweep
from ratefront.errors import EngineError
from ratefront.orchestrate.reference import LiveReference
from ratefront.orchestrate.results import LifeListener, ResultListener
from ratefront.orchestrate.searcher import EngineSearcher
from ratefront.orchestrate.worker import TrialActor, WorkerSetting
from ratefront.spec.schema import Resources


def run_trials(
    sweep: LiveSweep,
    setting: WorkerSetting,
    resources: Resources,
    slots: int,
    on_turn: Callable[[], None],
) -> None:
    """Run trials until the engine has no more; a Ray cluster must be connected.

    Raises
    ------
    EngineError
        Tune stopped before the engine was done, or the ledger could not be written.
    """
    with tempfile.TemporaryDirectory(prefix="ratefront-tune-") as storage:
        tuner = _tuner(LiveReference(sweep), setting, resources, slots, on_turn, Path(storage))
        try:
            tuner.fit()
        except TuneError as error:
            raise sweep.failure or EngineError(f"Ray Tune stopped: {error}") from error
    if sweep.failure:
        raise sweep.failure
    on_turn()  # a signal that ended Tune's loop early is told as what it is
    if not sweep.done:
        raise EngineError("Ray Tune stopped before every trial had ended; the sweep can be resumed")


def _tuner(
    reference: LiveReference,
    setting: WorkerSetting,
    resources: Resources,
    slots: int,
    on_turn: Callable[[], None],
    storage: Path,
) -> Tuner:
    bundle = {"CPU": resources.cpus} | ({"GPU": resources.gpus} if resources.gpus else {})
    actor = tune.with_parameters(TrialActor, setting=setting)
    return Tuner(
        tune.with_resources(actor, PlacementGroupFactory([bundle])),
        tune_config=TuneConfig(
            search_alg=EngineSearcher(reference),
            num_samples=-1,
            max_concurrent_trials=slots,
            reuse_actors=True,
        ),
        run_config=RunConfig(
            name="sweep",
            storage_path=str(storage),
            stop=ResultListener(reference),
            callbacks=[LifeListener(reference, on_turn)],
            checkpoint_config=CheckpointConfig(checkpoint_at_end=False),
            verbose=0,
            log_to_file=False,
        ),
    )
