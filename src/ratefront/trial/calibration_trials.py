"""Calibration trials: the trial function itself for a few epochs, with the time of each part."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ratefront.catalogue.registry import load_target
from ratefront.data.load_dataset import load_dataset
from ratefront.spec.sweep_spec import Named, SweepSpec
from ratefront.store.forecast_file import (
    CalibratedFamily,
    CalibratedTaskModel,
    CalibrationFailure,
    CalibrationTrial,
)
from ratefront.store.sweep_folder import SweepFolder
from ratefront.task_models.first_sweep.training_cost import measure_training_cost
from ratefront.task_models.prepare_task_model import (
    is_cached,
    prepare_task_model,
    save_untrained_task_model,
)
from ratefront.trial.error_summary import summarise_error
from ratefront.trial.run_trial import trial_steps
from ratefront.trial.trial_context import TrialContext
from ratefront.trial_records import GPU_MEMORY_SHARE, Scalar, TrialParams, TrialResult

#: A calibration trial learns for so many epochs: the first one is slower, and the last one counts.
EPOCHS = 2

#: After so many seconds, no further configuration of a family is tried. The first two always are.
MOST_S, LEAST_CONFIGURATIONS = 60.0, 2

#: Where an epoch of the task model takes longer, its cost is measured on one batch, and no epoch is trained.
LONG_EPOCH_S = 60.0


def timed(function: str, *arguments: Any) -> tuple[Any, float]:
    """Call a function on a worker, and return its result and its seconds: the rest is the start of the worker."""
    called, began = load_target(function), time.perf_counter()
    result = called(*arguments)
    return result, time.perf_counter() - began


def calibrate_task_model(spec: SweepSpec, device: str) -> CalibratedTaskModel:
    """Measure the training of the task model, and put the one into the cache that calibration trials are made behind.

    Raises:
        InputError: The data set or the task model cannot be had as the sweep file asks.
        DivergedError: The task model cannot be trained on the data.
    """
    epochs = spec.task_model.parameters["epochs"]
    if is_cached(spec) or not epochs:
        return CalibratedTaskModel(0.0, spec.task_model)
    data = load_dataset(spec.dataset)
    cost = measure_training_cost(spec.task_model, data, LONG_EPOCH_S, device, time.perf_counter)
    if cost.epoch_s > LONG_EPOCH_S:
        return CalibratedTaskModel(cost.seconds(epochs), None)
    plain = {"name": spec.task_model.name, **spec.task_model.parameters, "epochs": 1}
    once = type(spec.task_model).model_validate(plain)
    with tempfile.TemporaryDirectory() as temporary:
        prepare_task_model(_behind(spec, once), SweepFolder(Path(temporary)).task_model, device)
    return CalibratedTaskModel(cost.seconds(epochs), once)


def calibrate_family(
    spec: SweepSpec, task_model: Named | None, configurations: Sequence[Mapping[str, Scalar]], device: str
) -> CalibratedFamily:
    """Run a short trial of each configuration, as long as the time lasts, and the first one again.

    An error of a configuration is recorded, whatever it is: in the sweep it would end that trial only.

    Args:
        spec: The sweep.
        task_model: The one that the trials are made behind, as ``calibrate_task_model`` returns it.
        configurations: Those to try.
        device: ``cpu`` or ``cuda``.

    Raises:
        InputError: The data set or the task model cannot be had as the sweep file asks.
    """
    training = spec.training.model_copy(update={"epochs": min(EPOCHS, spec.training.epochs)})
    short = _behind(spec, task_model or spec.task_model).model_copy(update={"training": training})
    with tempfile.TemporaryDirectory() as temporary:
        folder, began = SweepFolder(Path(temporary)), time.perf_counter()
        if task_model is None:
            save_untrained_task_model(short, folder.task_model, device)
        else:
            prepare_task_model(short, folder.task_model, device)
        loaded = time.perf_counter()
        family = _Family(spec, TrialContext(short, folder.path, device))
        for place, values in enumerate(configurations):
            is_late = time.perf_counter() - loaded > MOST_S
            if is_late and place >= LEAST_CONFIGURATIONS and family.trials:
                break
            family.calibrate(values)
    return CalibratedFamily(family.trials, family.failures, loaded - began, family.first_s)


def _behind(spec: SweepSpec, task_model: Named) -> SweepSpec:
    return spec.model_copy(update={"task_model": task_model})


class _Family:
    """The calibration trials of a family in this process, and the configurations that could not be calibrated.

    ``first_s`` is what the first trial of a process takes longer than the same one later: it starts the receiver.
    """

    def __init__(self, spec: SweepSpec, context: TrialContext) -> None:
        self._spec, self._context, self._attempts = spec, context, 0
        self.trials: list[CalibrationTrial] = []
        self.failures: list[CalibrationFailure] = []
        self.first_s = 0.0

    def calibrate(self, values: Mapping[str, Scalar]) -> None:
        """Try a configuration; the first one that can be calibrated is tried twice, and the second time counts."""
        measured = self._try(values)
        if measured is not None and not self.trials:
            again = self._try(values)
            if again is not None:
                self.first_s = max(0.0, _short_s(measured) - _short_s(again))
            measured = again
        if measured is not None:
            self.trials.append(measured)

    def _try(self, values: Mapping[str, Scalar]) -> CalibrationTrial | None:
        self._attempts += 1
        params = TrialParams(f"c{self._attempts}", self._attempts, values)
        try:
            return _calibrate(params, self._context, self._spec.training.epochs)
        except Exception as error:
            summary = summarise_error(error)
            text = f"{summary.error}: {summary.reason}"
            self.failures.append(CalibrationFailure(params.family, dict(values), text))
            return None


def _short_s(trial: CalibrationTrial) -> float:
    """Return the seconds of a calibration trial itself, but for its last epoch."""
    return trial.begin_s + trial.coding_s


def _calibrate(params: TrialParams, context: TrialContext, epochs: int) -> CalibrationTrial:
    """Run a calibration trial of a family whose whole trials have ``epochs`` epochs, if it learns."""
    moments, result = _run(params, context)
    learned = len(moments) - 2
    epoch_s = moments[-2] - moments[-3] if learned else 0.0
    files = SweepFolder(context.folder).trial(params.trial_id)
    return CalibrationTrial(
        family=params.family,
        values=dict(params.values),
        begin_s=max(0.0, moments[1] - moments[0] - epoch_s) if learned else 0.0,
        epoch_s=epoch_s,
        epochs=epochs if learned else 0,
        coding_s=moments[-1] - moments[-2],
        disk_bytes=sum(path.stat().st_size for path in files.outcome if path.exists()),
        gpu_memory_share=result.extra.get(GPU_MEMORY_SHARE),
    )


def _run(params: TrialParams, context: TrialContext) -> tuple[list[float], TrialResult]:
    """Run a trial, and return the moments of its begin, after each epoch and of its end, and what it measured."""
    steps, moments = trial_steps(params, context), [time.perf_counter()]
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: TrialResult = end.value
            return [*moments, time.perf_counter()], result
        moments.append(time.perf_counter())
