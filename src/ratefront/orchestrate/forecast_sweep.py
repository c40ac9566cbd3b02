"""Forecasts what a sweep may take, by a few calibration trials of each family on its cluster."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from ratefront.engine.search.first_trials import random_choice
from ratefront.engine.trial_resources import Needs, trials_per_gpu
from ratefront.errors import EngineError
from ratefront.orchestrate.begin_and_resume_checks import one_sweep_per_process
from ratefront.orchestrate.cluster.ray_logging import quiet_ray
from ratefront.orchestrate.forecast_arithmetic import forecast_of
from ratefront.orchestrate.interrupts import Interrupts, interrupts
from ratefront.orchestrate.join_cluster import ClusterOptions, joined_cluster
from ratefront.spec.check_spec import LoadedSpec
from ratefront.spec.resource_check import families_of, task_model_resources
from ratefront.spec.space.dimensions import Branch, Choice, Leaf, Space, assign
from ratefront.spec.sweep_spec import Named, SweepSpec, TrialResources
from ratefront.store.forecast_file import (
    CalibratedFamily,
    CalibratedTaskModel,
    CalibrationTrial,
    Forecast,
)
from ratefront.trial_records import Scalar

#: Besides both ends of every dimension, so many random configurations of a family are calibrated.
RANDOM_CONFIGURATIONS = 2

#: So many workers at most run the same calibration trials at once: trials side by side slow each other.
MOST_SIDE_BY_SIDE = 4

_TIMED = "ratefront.trial.calibration_trials:timed"


@dataclass(frozen=True)
class CalibrationFunctions:
    """What workers run, each as "package.module:function". Tests replace them."""

    task_model: str = "ratefront.trial.calibration_trials:calibrate_task_model"
    family: str = "ratefront.trial.calibration_trials:calibrate_family"


def forecast_sweep(
    loaded: LoadedSpec,
    folder: Path,
    cluster: ClusterOptions | None = None,
    functions: CalibrationFunctions | None = None,
) -> Forecast:
    """Run calibration trials on the cluster of a sweep that will be stored in ``folder``.

    Raises:
        InputError: The cluster has too little for a trial, or data or task model cannot be had.
        EngineError: No trial of a family could be calibrated.
        Interrupted: A signal came.
    """
    spec, functions, cluster = loaded.spec, functions or CalibrationFunctions(), cluster or ClusterOptions()
    with (
        one_sweep_per_process(),
        quiet_ray(),
        interrupts() as caught,
        joined_cluster(spec, folder, cluster, caught),
    ):
        workers = _CalibrationWorkers(spec, _slots(spec, cluster), caught)
        task_model = workers.calibrate_task_model(functions.task_model)
        calibrated = [
            one
            for family in families_of(spec)
            for one in workers.calibrate(
                functions.family, family, task_model.stand_in, configurations_of(loaded, family)
            )
        ]
        trials = [trial for one in calibrated for trial in one.trials]
        measured, per_gpu = _with_measured_gpu_share(spec, trials)
        slots = _slots(measured, cluster)
    # A worker begins for the task model, and then those of the trials, each with its own receiver.
    load_s, first_s = max(one.load_s for one in calibrated), max(one.first_s for one in calibrated)
    start_s = workers.starts_s[0] + max(workers.starts_s) + 2 * load_s + first_s
    failures = [failure for one in calibrated for failure in one.failures]
    return forecast_of(measured, slots, start_s, task_model.seconds, trials, failures, per_gpu)


def _slots(spec: SweepSpec, cluster: ClusterOptions) -> dict[str, int]:
    """Return how many trials of each family may run at the same time; the cluster must have been joined."""
    from ratefront.orchestrate.cluster.slots import slots_by_family

    if cluster.is_autoscaling:
        return dict.fromkeys(families_of(spec), spec.resources.concurrent)
    return {
        family: max(1, slots) for family, slots in slots_by_family(spec).items()
    }  # a node may just have left


def _with_measured_gpu_share(
    spec: SweepSpec, trials: Sequence[CalibrationTrial]
) -> tuple[SweepSpec, int | None]:
    """Return the sweep with the number of trials that share a GPU, and that number, if it is to be measured."""
    shares = [
        trial.gpu_memory_share
        for trial in trials
        if trial.gpu_memory_share is not None and spec.resources.has_measured_gpu_share(trial.family)
    ]
    if not shares:
        return spec, None
    number = trials_per_gpu(max(shares))
    resources = spec.resources.model_copy(update={"trials_per_gpu": number})
    return spec.model_copy(update={"resources": resources}), number


class _CalibrationWorkers:
    """Runs functions on workers, and waits for them as a driver does; there is no sweep whose requests it looks for.

    ``starts_s`` has the seconds of each run that went by beside the work itself: workers began meanwhile.
    """

    def __init__(self, spec: SweepSpec, slots: Mapping[str, int], caught: Interrupts) -> None:
        self._spec, self._slots, self._caught = spec, slots, caught
        self.starts_s: list[float] = []

    def begin(self) -> None:
        self._caught.install()

    def check_folder(self) -> None:
        """Do nothing: no sweep has begun."""

    def calibrate_task_model(self, function: str) -> CalibratedTaskModel:
        """Run the calibration of the task model where the sweep would train it."""
        needs = task_model_resources(self._spec)
        calibrated: CalibratedTaskModel
        (calibrated,) = self._run((function, self._spec, _device(needs)), needs)
        return calibrated

    def calibrate(
        self,
        function: str,
        family: str,
        task_model: Named | None,
        configurations: Sequence[Mapping[str, Scalar]],
    ) -> list[CalibratedFamily]:
        """Run the same trials on as many workers as the family has slots, up to a few.

        Raises:
            EngineError: None of them could be calibrated.
        """
        resources = self._spec.resources
        needs, is_alone = resources.for_family(family), resources.has_measured_gpu_share(family)
        copies = 1 if is_alone else min(self._slots[family], MOST_SIDE_BY_SIDE)
        arguments = (function, self._spec, task_model, configurations, _device(needs))
        calibrated: list[CalibratedFamily] = self._run(arguments, needs, copies)
        if not any(one.trials for one in calibrated):
            (*_, failure) = (failure for one in calibrated for failure in one.failures)
            raise EngineError(f"no trial of the family {family} could be calibrated: {failure.error}")
        return calibrated

    def _run(self, arguments: tuple[Any, ...], needs: TrialResources, copies: int = 1) -> list[Any]:
        from ratefront.orchestrate.task_model_worker import on_workers

        failure, began = "no trial could be calibrated", time.perf_counter()
        timed = on_workers(_TIMED, arguments, Needs(*needs), self, self._caught.check, failure, copies)
        worked_s = max(seconds for _, seconds in timed)
        self.starts_s.append(max(0.0, time.perf_counter() - began - worked_s))
        return [result for result, _ in timed]


def _device(needs: TrialResources) -> str:
    return "cuda" if needs.gpus else "cpu"


def configurations_of(loaded: LoadedSpec, family: str) -> list[dict[str, Scalar]]:
    """Return a family's configurations to calibrate: both ends of every dimension, then random ones, none twice."""
    dimension = loaded.space["family"]
    options = dimension.options if isinstance(dimension, Branch) else {family: {}}
    space: Space = {"family": Branch({family: options[family]})}
    random = Random(f"calibration {family}")  # noqa: S311
    choices = [_end(0), _end(-1), *[random_choice(random)] * RANDOM_CONFIGURATIONS]
    found = [assign(space, choose) for choose in choices]
    return [values for place, values in enumerate(found) if values not in found[:place]]


def _end(place: int) -> Any:
    """Return a function that chooses the first option or the low end of each dimension (0), or the last one (-1)."""

    def choose(path: str, leaf: Leaf) -> Scalar:
        return leaf.options[place] if isinstance(leaf, Choice) else (leaf.low, leaf.high)[place]

    return choose
