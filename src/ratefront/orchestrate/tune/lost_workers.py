"""Why a worker ended, as Ray says it; and a Tune that survives every reason.

Tune keeps a worker's error in a file that nobody can read before the run is over, and it knows two of them only, an
error of the worker's code (RayTaskError) and a dead actor (RayActorError): any other, such as the OutOfMemoryError
with which Ray's memory monitor ends a worker, would end the whole run.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ray.air.execution._internal import RayActorManager
from ray.exceptions import RayActorError, RayError, RayTaskError
from ray.tune.execution import tune_controller


class WorkerErrors:
    """The error that Tune is being told of, for as long as it is."""

    def __init__(self) -> None:
        self._now: Exception | None = None

    @property
    def now(self) -> Exception | None:
        return self._now

    @contextmanager
    def telling(self, error: Exception) -> Iterator[Exception]:
        """Gives what Tune is to be told: an error that it can live with."""
        self._now = error
        is_foreign = isinstance(error, RayError) and not isinstance(error, RayActorError | RayTaskError)
        try:
            yield RayActorError(error_msg=str(error)) if is_foreign else error
        finally:
            self._now = None


@contextmanager
def heard_by(errors: WorkerErrors) -> Iterator[None]:
    """A run of Tune that begins inside tells ``errors`` first."""

    class Manager(RayActorManager):
        def _actor_task_failed(self, tracked_actor_task: Any, exception: Exception) -> None:
            with errors.telling(exception) as told:
                super()._actor_task_failed(tracked_actor_task, told)

        def _actor_start_failed(self, tracked_actor: Any, exception: Exception) -> None:
            with errors.telling(exception) as told:
                super()._actor_start_failed(tracked_actor, told)

    names = vars(tune_controller)
    before, names["RayActorManager"] = names["RayActorManager"], Manager
    try:
        yield
    finally:
        names["RayActorManager"] = before
