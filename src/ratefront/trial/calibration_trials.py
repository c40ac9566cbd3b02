"""Calibration trials: the trial function itself for a few epochs, with the time of each part."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from ratefront.data.load_dataset import load_dataset
from ratefront.errors import RatefrontError
from ratefront.spec.sweep_spec import SweepSpec
from ratefront.store.forecast_file import CalibrationTrial
from ratefront.store.sweep_folder import SweepFolder
from ratefront.task_models.first_sweep.training_cost import measure_training_cost
from ratefront.task_models.prepare_task_model import is_cached, prepare_task_model
from ratefront.trial.run_trial import trial_steps
from ratefront.trial.threads import using_threads
from ratefront.trial.trial_context import TrialContext
from ratefront.trial_records import Scalar, TrialParams

#: A calibration trial learns for so many epochs: the first one is slower, and the last one counts.
EPOCHS = 2

#: After so many seconds, no further configuration of a family is tried. The first two always are.
MOST_S, LEAST_TRIALS = 60.0, 2

#: Where an epoch of the task model takes longer, its cost is measured on one batch.
LONG_EPOCH_S = 60.0


class CalibratedFamily(NamedTuple):
    """The calibration trials of a family, and the seconds that a worker loses once: for loading and its receiver."""

    trials: list[CalibrationTrial]
    once_s: float


def calibrate_task_model(spec: SweepSpec) -> float:
    """Return the seconds for the sweep's task model on the cores of a trial; 0 where it is in the cache."""
    if is_cached(spec) or not (epochs := spec.task_model.parameters["epochs"]):
        return 0.0
    with using_threads(1):
        cost = measure_training_cost(spec.task_model, load_dataset(spec.dataset), LONG_EPOCH_S)
    return cost.seconds(epochs)


def calibrate_family(
    spec: SweepSpec, configurations: Sequence[Mapping[str, Scalar]], device: str
) -> CalibratedFamily:
    """Run a short trial of each configuration, as long as the time lasts; the first one twice, to begin with.

    The task model is the sweep's where it is in the cache, and else one that has learned for an epoch: a trial takes as
    long behind it.

    Raises:
        InputError: The data set or the task model cannot be had as the sweep file asks.
        RatefrontError: No configuration could be calibrated; the error is that of the last one.
    """
    short = _short(spec)
    measured: list[CalibrationTrial] = []
    failure: RatefrontError | None = None
    began = time.perf_counter()
    tried = (configurations[0], *configurations)
    with tempfile.TemporaryDirectory() as temporary:
        folder = SweepFolder(Path(temporary))
        prepare_task_model(short, folder.task_model, device)
        context = TrialContext(short, folder.path, device)
        for place, values in enumerate(tried):
            if place > LEAST_TRIALS and measured and time.perf_counter() - began > MOST_S:
                break
            try:
                measured.append(_calibrate(TrialParams(f"c{place}", place, values), context, spec))
            except RatefrontError as error:  # a codec that has hardly learned may fail
                failure = error
    if not measured and failure is not None:
        raise failure
    if len(measured) == 1:
        return CalibratedFamily(measured, 0.0)
    first, *others = measured
    return CalibratedFamily(others, max(0.0, _short_s(first) - _short_s(others[0])))


def _short_s(trial: CalibrationTrial) -> float:
    """Return the seconds of a calibration trial itself, but for its last epoch."""
    return trial.begin_s + trial.coding_s


def _short(spec: SweepSpec) -> SweepSpec:
    training = spec.training.model_copy(update={"epochs": min(EPOCHS, spec.training.epochs)})
    short = spec.model_copy(update={"training": training})
    if is_cached(spec) or not spec.task_model.parameters["epochs"]:
        return short
    named = {"name": spec.task_model.name, **spec.task_model.parameters, "epochs": 1}
    return short.model_copy(update={"task_model": type(spec.task_model).model_validate(named)})


def _calibrate(params: TrialParams, context: TrialContext, spec: SweepSpec) -> CalibrationTrial:
    steps, moments = trial_steps(params, context), [time.perf_counter()]
    while next(steps, None) is not None:
        moments.append(time.perf_counter())
    epochs = len(moments) - 1
    end = time.perf_counter()
    epoch_s = moments[-1] - moments[-2] if epochs else 0.0
    files = SweepFolder(context.folder).trial(params.trial_id)
    return CalibrationTrial(
        family=params.family,
        values=dict(params.values),
        begin_s=max(0.0, moments[1] - moments[0] - epoch_s) if epochs else 0.0,
        epoch_s=epoch_s,
        epochs=spec.training.epochs if epochs else 0,
        coding_s=end - moments[-1],
        disk_bytes=sum(path.stat().st_size for path in files.outcome if path.exists()),
    )
