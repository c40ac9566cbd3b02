"""Forecasts what a sweep may take, by a few calibration trials of each family on its cluster."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from ratefront.engine.search.first_trials import random_choice
from ratefront.engine.trial_resources import Needs
from ratefront.orchestrate.begin_and_resume_checks import one_sweep_per_process
from ratefront.orchestrate.cluster.ray_logging import quiet_ray
from ratefront.orchestrate.interrupts import Interrupts, interrupts
from ratefront.orchestrate.join_cluster import ClusterOptions, joined_cluster
from ratefront.spec.check_spec import LoadedSpec
from ratefront.spec.resource_check import families_of
from ratefront.spec.space.dimensions import Branch, Choice, Leaf, Space, assign
from ratefront.spec.sweep_spec import SweepSpec
from ratefront.store.forecast_file import CalibrationTrial, Forecast, ForecastRange
from ratefront.trial_records import Scalar

if TYPE_CHECKING:
    from ratefront.trial.calibration_trials import CalibratedFamily

#: Besides both ends of every dimension, so many random configurations of a family are calibrated.
RANDOM_CONFIGURATIONS = 2

#: So many workers at most run the same calibration trials at once: trials side by side slow each other.
MOST_SIDE_BY_SIDE = 4

#: Bytes of the ledger for each trial and for each of its epochs.
LEDGER_TRIAL_BYTES, LEDGER_EPOCH_BYTES = 2_500, 330


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
        slots = cluster.slots(spec)
        workers = _CalibrationWorkers(spec, slots, caught)
        began = time.perf_counter()
        (task_model_s,) = workers.run(functions.task_model, (spec,), Needs(spec.resources.cpus, 0.0))
        worker_s = time.perf_counter() - began
        calibrated = [
            one
            for family in families_of(spec)
            for one in workers.calibrate(functions.family, family, configurations_of(loaded, family))
        ]
    # One worker begins for the task model, and then those of the trials, each with its own receiver.
    start_s = 2 * worker_s + max(one.once_s for one in calibrated)
    trials = [trial for one in calibrated for trial in one.trials]
    return forecast_of(spec, slots, start_s, task_model_s, trials)


class _CalibrationWorkers:
    """Runs functions on workers, and waits for them as a driver does; there is no sweep whose requests it looks for."""

    def __init__(self, spec: SweepSpec, slots: int, caught: Interrupts) -> None:
        self._spec, self._slots, self._caught = spec, slots, caught

    def begin(self) -> None:
        self._caught.install()

    def check_folder(self) -> None:
        """Do nothing: no sweep has begun."""

    def run(self, function: str, arguments: tuple[Any, ...], needs: Needs, copies: int = 1) -> list[Any]:
        from ratefront.orchestrate.task_model_worker import on_workers

        failure = "no trial could be calibrated"
        return on_workers(function, arguments, needs, self, self._caught.check, failure, copies)

    def calibrate(
        self, function: str, family: str, configurations: Sequence[Mapping[str, Scalar]]
    ) -> list[CalibratedFamily]:
        """Run the same trials on as many workers as the sweep has slots, up to a few."""
        resources = self._spec.resources
        needs, is_alone = resources.for_family(family), resources.has_measured_gpu_share(family)
        arguments = (self._spec, configurations, "cuda" if needs.gpus else "cpu")
        copies = 1 if is_alone else min(self._slots, MOST_SIDE_BY_SIDE)
        return self.run(function, arguments, Needs(needs.cpus, needs.gpus), copies)


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


def forecast_of(
    spec: SweepSpec, slots: int, start_s: float, task_model_s: float, trials: Sequence[CalibrationTrial]
) -> Forecast:
    """Return the forecast that follows from calibration trials.

    The first trials (all, where the sampler does not learn) are spread evenly over the families. Each of the others may
    be of any family: the interval reaches from sweeps that try the cheapest one from there on to those that try the
    dearest. A trial takes between the times of its family's cheapest and dearest calibration trial. At the upper end
    the start takes twice as long as measured, and the last trial runs alone.
    """
    families = list(dict.fromkeys(trial.family for trial in trials))
    gpus = {family: spec.resources.for_family(family).gpus for family in families}
    spread = spec.trials if spec.sampler.name == "random" else min(spec.trials, spec.sampler.startup_trials)

    def total(cost: Mapping[str, list[float]]) -> ForecastRange:
        low, high = ([pick(cost[family]) for family in families] for pick in (min, max))
        mean = sum(sum(cost[family]) / len(cost[family]) for family in families) / len(families)
        rest = spec.trials - spread
        return ForecastRange(
            low=spread * sum(low) / len(families) + rest * min(low),
            expected=spec.trials * mean,
            high=spread * sum(high) / len(families) + rest * max(high),
        )

    def by_family(value: Any) -> dict[str, list[float]]:
        return {family: [value(trial) for trial in trials if trial.family == family] for family in families}

    seconds = total(by_family(lambda trial: trial.trial_s))
    gpu_seconds = total(by_family(lambda trial: trial.trial_s * gpus[trial.family]))
    disk = total(by_family(_disk_bytes))
    once_s, longest_s = start_s + task_model_s, max(trial.trial_s for trial in trials)
    waiting_s = longest_s * (1 - 1 / slots)
    return Forecast(
        sweep=spec.name,
        trials=spec.trials,
        slots=slots,
        start_s=start_s,
        task_model_s=task_model_s,
        hours=ForecastRange(
            (once_s + seconds.low / slots) / 3600,
            (once_s + seconds.expected / slots) / 3600,
            (start_s + once_s + seconds.high / slots + waiting_s) / 3600,
        ),
        gpu_hours=ForecastRange(*(seconds_ / 3600 for seconds_ in vars(gpu_seconds).values())),
        disk_bytes=ForecastRange(disk.low if spec.keep == "all" else 0.0, disk.expected, disk.high),
        calibration=tuple(trials),
    )


def _disk_bytes(trial: CalibrationTrial) -> float:
    return trial.disk_bytes + LEDGER_TRIAL_BYTES + LEDGER_EPOCH_BYTES * trial.epochs
