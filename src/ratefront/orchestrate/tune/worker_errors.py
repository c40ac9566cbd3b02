"""Why a worker was lost, as Ray says it, and whose disk was full: the rest of what an error amounts to."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

from ray.exceptions import OutOfMemoryError, RayTaskError

from ratefront.errors import StorageFullError, WorkerLostError
from ratefront.trial.error_summary import OUT_OF_MEMORY, ErrorSummary, summarise_error

#: A folder with less room than this is full for what a trial leaves there.
LEAST_ROOM_BYTES = 256 * 2**20
_PROBE_BYTES = 2**20


def summarise_worker_error(error: Exception | None) -> ErrorSummary:
    """What Ray tells of a worker. A trial's own errors are caught in it, so a process or a node died as a rule."""
    if isinstance(error, RayTaskError):
        return summarise_error(error.cause)
    if isinstance(error, OutOfMemoryError):
        return ErrorSummary(OUT_OF_MEMORY, _lines(error)[0], True)
    # First comes which actor it was, last what may have been the cause.
    why, *_ = _lines(error)[-1].split(". ")
    return ErrorSummary(WorkerLostError.__name__, why, True)


def summarise_trial_error(error: Exception, folder: Path) -> ErrorSummary:
    """What the error of a trial amounts to that writes into the sweep's ``folder``.

    A disk that is full is the sweep's end if it is the folder's; another one's, a node's own, is worth another try.
    """
    fault = summarise_error(error)
    if fault.error == StorageFullError.__name__ and not _is_full(folder):
        return replace(fault, error=type(error).__name__)
    return fault


def _is_full(folder: Path) -> bool:
    """True also where a quota is used up, which nobody can ask for."""
    probe = folder / f".room.{uuid4().hex}.tmp"
    try:
        there = os.statvfs(folder)
        probe.write_bytes(bytes(_PROBE_BYTES))
    except OSError:
        return True
    finally:
        probe.unlink(missing_ok=True)
    return there.f_bavail * there.f_frsize < LEAST_ROOM_BYTES


def _lines(error: Exception | None) -> list[str]:
    return str(error or "").strip().splitlines() or ["the worker died"]
