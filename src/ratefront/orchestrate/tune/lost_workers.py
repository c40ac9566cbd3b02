"""The handling of a dead worker: why it ended, as Ray says it, and a Tune that survives every reason.

Tune writes a worker's error into a file that cannot be read before the run is over. It knows two kinds of error: one
of the worker's code (RayTaskError) and a dead actor (RayActorError). Any other kind ends the whole run, for example
the OutOfMemoryError with which Ray's memory monitor ends a worker. ``tune_reports_to`` keeps the error readable and
gives Tune one that it knows.

This module also decides whose disk was full, and whether the sweep's folder is there. It completes
``ratefront.trial``, which names the errors of a trial.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

from ray.exceptions import OutOfMemoryError, RayActorError, RayError, RayTaskError
from ray.tune.execution import tune_controller
from ray.tune.execution.tune_controller import RayActorManager  # type: ignore[attr-defined]

from ratefront.errors import StorageFullError, SweepFolderGoneError, WorkerLostError
from ratefront.store.sweep_folder import SweepFolder
from ratefront.trial.error_summary import OUT_OF_MEMORY, ErrorSummary, summarise_error

#: A folder with less free space than this counts as full.
LEAST_FREE_BYTES = 256 * 2**20
_PROBE_BYTES = 2**20


class ReportedWorkerError:
    """The error of a worker that Tune handles now. It is set only while Tune handles it."""

    def __init__(self) -> None:
        self._current: Exception | None = None

    @property
    def current(self) -> Exception | None:
        """The error that Tune handles now; None at all other times."""
        return self._current

    @contextmanager
    def while_handled(self, error: Exception) -> Iterator[Exception]:
        """Hold ``error`` while Tune handles it, and give the error to pass to Tune: one of a kind that it knows."""
        self._current = error
        is_unknown_to_tune = isinstance(error, RayError) and not isinstance(
            error, RayActorError | RayTaskError
        )
        try:
            yield RayActorError(error_msg=str(error)) if is_unknown_to_tune else error
        finally:
            self._current = None


@contextmanager
def tune_reports_to(reported: ReportedWorkerError) -> Iterator[None]:
    """Let a run of Tune that begins inside set ``reported`` before it handles a worker's error."""

    class Manager(RayActorManager):
        def _actor_task_failed(self, tracked_actor_task: Any, exception: Exception) -> None:
            with reported.while_handled(exception) as known:
                super()._actor_task_failed(tracked_actor_task, known)

        def _actor_start_failed(self, tracked_actor: Any, exception: Exception) -> None:
            with reported.while_handled(exception) as known:
                super()._actor_start_failed(tracked_actor, known)

    names = vars(tune_controller)
    names["RayActorManager"] = Manager
    try:
        yield
    finally:
        names["RayActorManager"] = RayActorManager


def summarise_worker_error(error: Exception | None) -> ErrorSummary:
    """Name what Ray says of a lost worker.

    A worker catches the errors of its trials. So the cause is as a rule that a process or a node died.
    """
    if isinstance(error, RayTaskError):
        return summarise_error(error.cause)
    if isinstance(error, OutOfMemoryError):
        return ErrorSummary(OUT_OF_MEMORY, _lines(error)[0], True)
    # Ray's first line says which actor it was, the last one what the cause may have been.
    why, *_ = _lines(error)[-1].split(". ")
    return ErrorSummary(WorkerLostError.__name__, why, True)


def summarise_trial_error(error: Exception, folder: Path) -> ErrorSummary:
    """Name the error of a trial that writes into the sweep's ``folder``.

    If the disk of this folder is full, the sweep ends. If another disk is full, such as a node's own, the trial is
    tried again. So it is if the folder is not there, and the driver still finds it.
    """
    summary = summarise_error(error)
    if not _is_there(folder):
        reason = f"the worker does not find the sweep's folder {folder}: {summary.reason}"
        return ErrorSummary(SweepFolderGoneError.__name__, reason, SweepFolderGoneError.retryable)
    if summary.error == StorageFullError.__name__ and not _is_full(folder):
        return replace(summary, error=type(error).__name__)
    return summary


def _is_there(folder: Path) -> bool:
    """Return whether this is the folder of a sweep, as far as this machine sees it."""
    try:
        SweepFolder(folder).ledger.stat()
    except OSError:
        return False
    return True


def _is_full(folder: Path) -> bool:
    """Return whether the folder takes no more data. A probe is written: a used-up quota cannot be asked for."""
    probe = folder / f".probe.{uuid4().hex}.tmp"
    try:
        disk = os.statvfs(folder)
        probe.write_bytes(bytes(_PROBE_BYTES))
    except OSError:
        return True
    finally:
        probe.unlink(missing_ok=True)
    return disk.f_bavail * disk.f_frsize < LEAST_FREE_BYTES


def _lines(error: Exception | None) -> list[str]:
    return str(error or "").strip().splitlines() or ["the worker died"]
