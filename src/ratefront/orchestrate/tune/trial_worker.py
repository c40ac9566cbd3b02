"""The process that runs trials, one after another: a Tune Trainable around the trial's generator.

Tune reuses the actor (``reset_config``) for trials with the same needs. So data sets, the task model and torch stay
in the process. Nothing of a trial stays: its generator is closed before the next one starts, and an error inside it
ends that trial only.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ray import tune

from ratefront.catalogue.registry import load_target
from ratefront.engine.messages import Start
from ratefront.engine.trial_resources import Needs
from ratefront.history.events import Failed, Finished, Reported
from ratefront.orchestrate.cluster.version_check import check_versions, own_versions
from ratefront.orchestrate.tune.lost_workers import summarise_trial_error
from ratefront.orchestrate.tune.process_metrics import ProcessMetrics
from ratefront.orchestrate.tune.worker_messages import MESSAGE, encode_message
from ratefront.trial.trial_context import TrialContext
from ratefront.trial_records import Progress, TrialParams, TrialResult

Steps = Generator[Progress, None, TrialResult]


@dataclass(frozen=True)
class WorkerSetting:
    """What all trials of a sweep share.

    Attributes:
        context: The sweep's files and settings.
        function: The trial's generator as "package.module:name", such as ``trial_steps``.
        limit_memory: A function of the same form. It is called with a trial's share of GPUs, if it has any.
        versions: The driver's software (see ``own_versions``).
    """

    context: TrialContext
    function: str
    limit_memory: str = "ratefront.trial.device:limit_memory"
    versions: Mapping[str, str] = field(default_factory=own_versions)


def limit_threads(cpus: float) -> None:
    """Limit this process to the trial's cores. The variables count before torch is loaded, the call afterwards."""
    threads = max(1, int(cpus))
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = str(threads)
    torch = sys.modules.get("torch")  # not imported here: a worker may not need it
    if torch is not None:
        torch.set_num_threads(threads)


def config_of(start: Start) -> dict[str, Any]:
    """Return the trial as Tune's configuration."""
    return {
        "trial_id": start.params.trial_id,
        "attempt": start.attempt,
        "seed": start.params.seed,
        "values": dict(start.params.values),
        "starts_from": start.params.starts_from,
        "cpus": start.needs.cpus,
        "gpus": start.needs.gpus,
        "batch_divisor": start.batch_divisor,
    }


def needs_of(config: dict[str, Any]) -> Needs:
    """Read the cores and GPUs of a trial from Tune's configuration."""
    return Needs(float(config["cpus"]), float(config["gpus"]))


class TrialActor(tune.Trainable):
    """Runs trials. One call of ``step`` is one epoch; the last one returns the result."""

    def setup(self, config: dict[str, Any], setting: WorkerSetting | None = None) -> None:
        """Take the first trial."""
        if setting is None:
            raise ValueError("a TrialActor needs its WorkerSetting (tune.with_parameters)")
        self._setting = setting
        self._steps: Steps | None = None
        self._has_failed = False
        self._process_metrics = ProcessMetrics()
        self._take(config)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Take the next trial. If the last one has broken the GPU for this process, end the process instead."""
        self._close()
        if self._has_failed and _is_gpu_broken():
            # Tune replaces a lost worker. An error raised here would count as the next trial's.
            os._exit(1)
        self._take(new_config)
        return True

    def cleanup(self) -> None:
        """Close the trial's generator."""
        self._close()

    def step(self) -> dict[str, Any]:
        """Run one epoch, and return what the trial says as a message to the driver."""
        try:
            steps = self._running()
            self._process_metrics.begin()
            progress = next(steps)
            metrics = {**progress.metrics, **self._process_metrics.readings(has_gpu=self._needs.gpus > 0)}
            return {MESSAGE: encode_message(Reported(self._trial_id, self._attempt, progress.step, metrics))}
        except StopIteration as end:
            return self._end(end.value)
        except Exception as error:  # an error of any kind ends that trial, not the worker
            return self._end_with_error(error)

    def _take(self, config: dict[str, Any]) -> None:
        self._trial_id, self._attempt = str(config["trial_id"]), int(config["attempt"])
        self._params = TrialParams(
            self._trial_id, int(config["seed"]), dict(config["values"]), str(config["starts_from"])
        )
        self._needs, self._has_failed = needs_of(config), False
        self._context = replace(
            self._setting.context,
            device="cuda" if self._needs.gpus > 0 else "cpu",
            batch_divisor=int(config["batch_divisor"]),
        )

    def _running(self) -> Steps:
        """Return the trial's generator. Imports happen here, so that their errors count as the trial's."""
        if self._steps is None:
            check_versions(self._setting.versions)
            limit_threads(self._needs.cpus)
            if self._needs.gpus > 0:
                load_target(self._setting.limit_memory)(self._needs.gpus)
            start = load_target(self._setting.function)
            limit_threads(self._needs.cpus)
            self._steps = start(self._params, self._context)
        return self._steps

    def _end(self, result: TrialResult) -> dict[str, Any]:
        self._close()
        try:
            return {
                MESSAGE: encode_message(Finished(self._trial_id, self._attempt, result.to_json())),
                "done": True,
            }
        except Exception as error:
            return self._end_with_error(error)

    def _end_with_error(self, error: Exception) -> dict[str, Any]:
        self._close()
        self._has_failed = True
        summary = summarise_trial_error(error, self._context.folder)
        message = Failed(
            self._trial_id, self._attempt, summary.error, summary.reason, retryable=summary.retryable
        )
        return {MESSAGE: encode_message(message), "done": True}

    def _close(self) -> None:
        steps, self._steps = self._steps, None
        if steps is not None:
            steps.close()


def _is_gpu_broken() -> bool:
    """Return whether a trial has broken this process's access to its GPU, so that every later trial would fail too."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_initialized():
        return False
    try:
        torch.cuda.synchronize()
    except RuntimeError:
        return True
    return False
