"""The task model is trained before the trials, in a worker: the driver never loads torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import ray

from ratefront.errors import EngineError, InputError, RatefrontError
from ratefront.events import TaskModelReady
from ratefront.orchestrate.worker import WorkerSetting, limit_threads
from ratefront.registry import load_target


@dataclass(frozen=True)
class _Refused:
    """An error of ours as plain data, whatever its constructor takes."""

    reason: str
    exit_code: int


def _prepare(setting: WorkerSetting) -> TaskModelReady | _Refused:
    limit_threads(setting.threads)
    try:
        prepare = load_target(setting.function)
        limit_threads(setting.threads)
        context = setting.context
        ready: TaskModelReady = prepare(context.spec, context.folder / "task_model", context.device)
        return ready
    except RatefrontError as error:
        return _Refused(str(error), error.exit_code)


def prepare_on_worker(setting: WorkerSetting, on_turn: Callable[[], None]) -> TaskModelReady:
    """Run the setting's function (as ``prepare_task_model``) on a worker of the cluster.

    Raises
    ------
    InputError
        The data set or the task model cannot be had as the sweep file asks.
    EngineError
        Training failed.
    """
    resources = setting.context.spec.resources
    remote: Any = ray.remote(num_cpus=resources.cpus, num_gpus=resources.gpus, max_retries=2)(_prepare)
    waiting = remote.remote(setting)
    while not ray.wait([waiting], timeout=0.2)[0]:
        on_turn()
    try:
        outcome = ray.get(waiting)
    except ray.exceptions.RayError as error:
        cause = getattr(error, "cause", None) or error
        said = f"{type(cause).__name__}: {cause}".strip().splitlines()[-1]
        raise EngineError(f"the task model could not be prepared: {said}") from error
    if isinstance(outcome, _Refused):
        raise (InputError if outcome.exit_code == InputError.exit_code else EngineError)(outcome.reason)
    ready: TaskModelReady = outcome
    return ready
