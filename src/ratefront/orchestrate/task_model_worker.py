"""What comes before the trials happens in a worker, since the driver never loads torch: the task model is trained, and
what a sweep began with is looked at again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import ray

from ratefront.catalogue.registry import load_target
from ratefront.engine.placement import Needs
from ratefront.errors import EngineError, InputError, RatefrontError
from ratefront.history.events import TaskModelReady
from ratefront.orchestrate.driver_loop import LOOK_S, Turns
from ratefront.orchestrate.tune.trial_worker import limit_threads
from ratefront.spec.resource_check import task_model_resources
from ratefront.spec.schema import SweepSpec
from ratefront.store.sweep_folder import SweepFolder
from ratefront.store.task_model_progress import ProgressFile, TaskModelProgress
from ratefront.trial.trial_context import TrialContext


@dataclass(frozen=True)
class _Refused:
    """An error of ours as plain data, whatever its constructor takes."""

    reason: str
    exit_code: int


def _call(function: str, arguments: tuple[Any, ...], needs: Needs) -> Any:
    """What the function gives, or a ``_Refused``."""
    limit_threads(needs.cpus)
    try:
        called = load_target(function)
        limit_threads(needs.cpus)
        return called(*arguments)
    except RatefrontError as error:
        return _Refused(str(error), error.exit_code)


def prepare_on_worker(
    function: str,
    context: TrialContext,
    turns: Turns,
    on_training: Callable[[TaskModelProgress], None] | None = None,
) -> TaskModelReady:
    """Run ``function`` (as ``prepare_task_model``) on a worker of the cluster; ``on_training`` hears how far it is.

    Raises:
        InputError: The data set or the task model cannot be had as the sweep file asks.
        EngineError: Training failed.
    """
    needs = Needs(*task_model_resources(context.spec))
    arguments = (context.spec, context.folder / "task_model", "cuda" if needs.gpus else "cpu")
    progress = ProgressFile(SweepFolder(context.folder).task_model_progress)
    progress.remove()  # of an earlier driver's worker
    ready: TaskModelReady = _on_worker(
        function,
        arguments,
        needs,
        turns,
        _each(turns.turn, _News(progress, on_training).look),
        "the task model could not be prepared",
    )
    return ready


def inputs_on_worker(function: str, spec: SweepSpec, turns: Turns) -> Mapping[str, str]:
    """Run ``function`` (as ``present_inputs``) on a worker of the cluster.

    Raises:
        InputError: The data set or the task model cannot be had any more.
        EngineError: The worker could not look at them.
    """
    needs = Needs(spec.resources.cpus, 0.0)
    found: Mapping[str, str] = _on_worker(
        function, (spec,), needs, turns, turns.hear, "the data could not be looked at"
    )
    return found


def _on_worker(
    function: str,
    arguments: tuple[Any, ...],
    needs: Needs,
    turns: Turns,
    turn: Callable[[], None],
    failed: str,
) -> Any:
    """What the function gives; ``turn`` is called several times a second until then."""
    remote: Any = ray.remote(num_cpus=needs.cpus, num_gpus=needs.gpus, max_retries=2)(_call)
    outcome = _wait_for(remote.remote(function, arguments, needs), turns, turn, failed)
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


def _each(*turns: Callable[[], None]) -> Callable[[], None]:
    def turn() -> None:
        for one in turns:
            one()

    return turn


def _wait_for(running: Any, turns: Turns, turn: Callable[[], None], failed: str) -> Any:
    turns.begin()
    try:
        while not ray.wait([running], timeout=0.1)[0]:
            turn()
    except BaseException:
        with suppress(ray.exceptions.RayError):
            ray.cancel(running, force=True)
        raise
    try:
        return ray.get(running)
    except ray.exceptions.RayError as error:
        cause = getattr(error, "cause", None) or error
        said = f"{type(cause).__name__}: {cause}".strip().splitlines()[-1]
        raise EngineError(f"{failed}: {said}") from error
