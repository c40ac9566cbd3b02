"""The task model is trained before the trials, in a worker: the driver never loads torch."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import ray

from ratefront.engine.placement import Needs
from ratefront.errors import EngineError, InputError, RatefrontError
from ratefront.events import TaskModelReady
from ratefront.orchestrate.turns import LOOK_S, Turns
from ratefront.orchestrate.worker import limit_threads
from ratefront.registry import load_target
from ratefront.spec.capacity import task_model_resources
from ratefront.store.folder import SweepFolder
from ratefront.store.task_model_progress import ProgressFile, TaskModelProgress
from ratefront.trial.context import TrialContext


@dataclass(frozen=True)
class _Refused:
    """An error of ours as plain data, whatever its constructor takes."""

    reason: str
    exit_code: int


def _prepare(function: str, context: TrialContext, needs: Needs) -> TaskModelReady | _Refused:
    limit_threads(needs.cpus)
    try:
        prepare = load_target(function)
        limit_threads(needs.cpus)
        ready: TaskModelReady = prepare(context.spec, context.folder / "task_model", context.device)
        return ready
    except RatefrontError as error:
        return _Refused(str(error), error.exit_code)


def prepare_on_worker(
    function: str,
    context: TrialContext,
    turns: Turns,
    on_training: Callable[[TaskModelProgress], None] | None = None,
) -> TaskModelReady:
    """Run ``function`` (as ``prepare_task_model``) on a worker of the cluster; ``on_training`` hears how far it is.

    Raises
    ------
    InputError
        The data set or the task model cannot be had as the sweep file asks.
    EngineError
        Training failed.
    """
    progress = ProgressFile(SweepFolder(context.folder).task_model_progress)
    progress.remove()  # of an earlier driver's worker
    outcome = _wait_for(_start(function, context), turns, _News(progress, on_training))
    if isinstance(outcome, _Refused):
        raise (InputError if outcome.exit_code == InputError.exit_code else EngineError)(outcome.reason)
    return outcome


class _News:
    """Passes on what the worker writes, which may be on another node."""

    def __init__(self, file: ProgressFile, tell: Callable[[TaskModelProgress], None] | None) -> None:
        self._file, self._tell = file, tell
        self._last: TaskModelProgress | None = None
        self._next_s = 0.0

    def look(self) -> None:
        if self._tell is None or time.monotonic() < self._next_s:
            return
        self._next_s = time.monotonic() + LOOK_S
        found = self._file.read()
        if found is not None and found != self._last:
            self._last = found
            self._tell(found)


def _start(function: str, context: TrialContext) -> Any:
    needs = Needs(*task_model_resources(context.spec))
    context = replace(context, device="cuda" if needs.gpus else "cpu")
    remote: Any = ray.remote(num_cpus=needs.cpus, num_gpus=needs.gpus, max_retries=2)(_prepare)
    return remote.remote(function, context, needs)


def _wait_for(running: Any, turns: Turns, news: _News) -> TaskModelReady | _Refused:
    turns.begin()
    try:
        while not ray.wait([running], timeout=0.1)[0]:
            turns.turn()
            news.look()
    except BaseException:
        with suppress(ray.exceptions.RayError):
            ray.cancel(running, force=True)
        raise
    try:
        outcome: TaskModelReady | _Refused = ray.get(running)
    except ray.exceptions.RayError as error:
        cause = getattr(error, "cause", None) or error
        said = f"{type(cause).__name__}: {cause}".strip().splitlines()[-1]
        raise EngineError(f"the task model could not be prepared: {said}") from error
    return outcome
