"""Summaries of errors that need Ray or the sweep's folder: why a worker was lost, and whose disk was full."""

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
    """Summarise what Ray reports of a worker.

    The worker itself catches a trial's errors, so that usually its process or its node has died.
    """
    if isinstance(error, RayTaskError):
        return summarise_error(error.cause)
    if isinstance(error, OutOfMemoryError):
        return ErrorSummary(OUT_OF_MEMORY, _lines(error)[0], True)
    # Ray's text begins with the actor, and ends with the possible cause.
    why, *_ = _lines(error)[-1].split(". ")
    return ErrorSummary(WorkerLostError.__name__, why, True)


def summarise_trial_error(error: Exception, folder: Path) -> ErrorSummary:
    """Summarise the error of a trial that writes into the sweep's ``folder``.

    A full disk ends the sweep if it is the folder's disk. If it is another one, as a node's own, another attempt may
    succeed.
    """
    summary = summarise_error(error)
    if summary.error == StorageFullError.__name__ and not _is_full(folder):
        return replace(summary, error=type(error).__name__)
    return summary


def _is_full(folder: Path) -> bool:
    """Tell whether the folder's disk is full; a used-up quota shows only when one writes."""
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
