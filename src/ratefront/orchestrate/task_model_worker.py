"""What a worker does before the trials, because the driver never loads torch.

It trains the task model, and it compares the data, the code and the weights with those that a sweep began with.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

import ray

from ratefront.catalogue.registry import load_target
from ratefront.engine.live_sweep import LiveSweep
from ratefront.engine.trial_resources import Needs
from ratefront.errors import EngineError, InputError, RatefrontError, SweepMismatchError
from ratefront.history.events import TaskModelReady
from ratefront.orchestrate.cluster.version_check import check_versions, own_versions
from ratefront.orchestrate.driver_loop import REQUEST_INTERVAL_S, DriverLoop
from ratefront.orchestrate.environment.describe_environment import add_inputs
from ratefront.orchestrate.tune.trial_worker import limit_threads
from ratefront.spec.resource_check import task_model_resources
from ratefront.spec.sweep_spec import SweepSpec
from ratefront.store.files.checksummed_folder import is_intact
from ratefront.store.sweep_folder import SweepFolder
from ratefront.store.task_model_progress import ProgressFile, TaskModelProgress
from ratefront.trial.trial_context import TrialContext

_log = logging.getLogger(__name__)


def prepare_missing_task_model(
    live: LiveSweep,
    function: str,
    context: TrialContext,
    loop: DriverLoop,
    on_training: Callable[[TaskModelProgress], None] | None = None,
) -> None:
    """Prepare the task model on a worker if its files are missing or damaged, and record it.

    ``function`` prepares it, as ``prepare_task_model`` does. ``on_training`` is called with its progress. Where the
    sweep ends meanwhile, because its budget is spent, the worker is ended; what it has saved stays in the cache.

    Raises:
        InputError: The data set or the task model cannot be had as the sweep file asks.
        EngineError: Training failed, or what was made again differs from the sweep's first task model.
    """
    folder = SweepFolder(context.folder)
    before = live.history.task_model
    if before is not None and is_intact(folder.task_model, identity=before.identity):
        return
    try:
        ready = _prepare_on_worker(function, context, live, loop, on_training)
    except _SweepEndedError:
        return
    for warning in ready.warnings:
        _log.warning("%s", warning)
    if before is None:
        add_inputs(folder, ready.inputs)  # first: a reader of the task model's event finds them
        live.record(ready)
    elif before.identity != ready.identity:
        raise EngineError(
            "the task model's files are missing or damaged, and the new ones are of other data or another version: "
            "trials behind it could not be compared with the earlier ones"
        )
    else:
        _log.warning("the task model's files were missing or damaged: it was made again")


class _SweepEndedError(Exception):
    """The engine ended the sweep while a worker prepared its task model."""


def _prepare_on_worker(
    function: str,
    context: TrialContext,
    live: LiveSweep,
    loop: DriverLoop,
    on_training: Callable[[TaskModelProgress], None] | None,
) -> TaskModelReady:
    needs = Needs(*task_model_resources(context.spec))
    folder = SweepFolder(context.folder)
    arguments = (context.spec, folder.task_model, "cuda" if needs.gpus else "cpu")
    file = ProgressFile(folder.task_model_progress)
    file.remove()  # an earlier driver's worker may have left it
    progress = _TrainingProgress(file, on_training)

    def tick() -> None:
        loop.tick()
        if live.history.ended:
            raise _SweepEndedError
        progress.pass_on()

    (result,) = on_workers(function, arguments, needs, loop, tick, "the task model could not be prepared")
    ready: TaskModelReady = result
    return ready


def inputs_on_worker(function: str, spec: SweepSpec, loop: DriverLoop) -> Mapping[str, str]:
    """Run ``function`` (as ``present_inputs``) on a worker of the cluster.

    Raises:
        InputError: The data set or the task model is not available any more.
        EngineError: The worker could not look at them.
    """
    needs = Needs(spec.resources.cpus, 0.0)
    (result,) = on_workers(
        function, (spec,), needs, loop, loop.check_signals, "the data could not be looked at"
    )
    inputs: Mapping[str, str] = result
    return inputs


class _TrainingProgress:
    """Passes on the progress that the worker writes into a file. The worker may be on another node."""

    def __init__(self, file: ProgressFile, on_training: Callable[[TaskModelProgress], None] | None) -> None:
        self._file, self._on_training = file, on_training
        self._last: TaskModelProgress | None = None
        self._next_s = 0.0

    def pass_on(self) -> None:
        if self._on_training is None or time.monotonic() < self._next_s:
            return
        self._next_s = time.monotonic() + REQUEST_INTERVAL_S
        progress = self._file.read()
        if progress is not None and progress != self._last:
            self._last = progress
            self._on_training(progress)


@dataclass(frozen=True)
class _ErrorText:
    """An error of ratefront's as plain data: its constructor may take anything, so it cannot be pickled."""

    reason: str
    exit_code: int


def _call(function: str, arguments: tuple[Any, ...], needs: Needs, versions: Mapping[str, str]) -> Any:
    """Run on the worker: return the function's result, or an ``_ErrorText``. ``versions`` is the driver's software."""
    limit_threads(needs.cpus)
    try:
        check_versions(versions)
    except SweepMismatchError as error:  # the node has come after the check at the start
        return _ErrorText(str(error), EngineError.exit_code)
    try:
        called = load_target(function)
        limit_threads(needs.cpus)
        return called(*arguments)
    except RatefrontError as error:
        return _ErrorText(str(error), error.exit_code)


class WaitingLoop(Protocol):
    """What waits for a worker: a driver's loop, or one without a sweep."""

    def begin(self) -> None:
        """Install the signal handlers."""

    def check_folder(self) -> None:
        """Check that the sweep's folder is where it was."""


def on_workers(
    function: str,
    arguments: tuple[Any, ...],
    needs: Needs,
    loop: WaitingLoop,
    tick: Callable[[], None],
    failure: str,
    copies: int = 1,
) -> list[Any]:
    """Run a function on a worker, or ``copies`` of it on several at once, and return its results.

    Until then ``tick`` is called several times a second.

    ``failure`` says what did not work; the message of an EngineError begins with it.

    Raises:
        InputError: The function raised one.
        EngineError: It raised another error, or the worker was lost.
    """
    remote: Any = ray.remote(num_cpus=needs.cpus, num_gpus=needs.gpus, max_retries=2)(_call)
    running = [remote.remote(function, arguments, needs, own_versions()) for _ in range(copies)]
    results = _wait_for(running, loop, tick, failure)
    for result in results:
        if isinstance(result, _ErrorText):
            raise (InputError if result.exit_code == InputError.exit_code else EngineError)(result.reason)
    return results


def _wait_for(running: list[Any], loop: WaitingLoop, tick: Callable[[], None], failure: str) -> list[Any]:
    loop.begin()
    try:
        while ray.wait(running, num_returns=len(running), timeout=0.1)[1]:
            tick()
        loop.check_folder()  # what the worker returned may be due to a missing folder
    except BaseException:
        for each in running:
            with suppress(ray.exceptions.RayError):
                ray.cancel(each, force=True)
        raise
    try:
        results: list[Any] = ray.get(running)
        return results
    except ray.exceptions.RayError as error:
        cause = getattr(error, "cause", None) or error
        text = f"{type(cause).__name__}: {cause}".strip().splitlines()[-1]
        raise EngineError(f"{failure}: {text}") from error
