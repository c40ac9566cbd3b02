"""Requests to stop a running sweep or one of its trials: a file each, which the driver reads several times a second.

The ledger has one writer. So a request from another terminal cannot be an event; the driver turns it into one.
"""

from __future__ import annotations

import time
from collections.abc import Container, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from uuid import uuid4

from ratefront.bounded_files import read_json_file
from ratefront.errors import InputError
from ratefront.store.files.atomic_files import write_json
from ratefront.store.files.inside import inside
from ratefront.store.sweep_folder import SweepFolder
from ratefront.trial_records import is_trial_id


@dataclass(frozen=True)
class StopRequest:
    """A request to stop this trial, or the whole sweep where ``trial_id`` is None."""

    trial_id: str | None
    reason: str


def leave_request(folder: SweepFolder, request: StopRequest) -> Path:
    """Leave a request for the driver. Returns its file, so that the request can be withdrawn."""
    folder.requests.mkdir(exist_ok=True)
    path = folder.requests / f"{time.time_ns():020d}-{uuid4().hex}.json"
    write_json(path, asdict(request))
    return path


def waiting_requests(folder: SweepFolder) -> list[Path]:
    """The files of the requests that wait, oldest first."""
    return sorted(folder.requests.glob("*.json"))


def take_requests(folder: SweepFolder) -> list[StopRequest]:
    """Every request that waits, oldest first. Each is given once."""
    return take_from(waiting_requests(folder))


def take_from(paths: Iterable[Path]) -> list[StopRequest]:
    """The requests in these files, which are deleted.

    A file that holds no request is deleted as well, because it could never be read; so is a link, which is not
    followed.
    """
    requests = []
    for path in paths:
        request = _read(path)
        try:
            path.unlink()
        except OSError:
            continue  # withdrawn meanwhile; or it cannot be deleted and would come again and again
        if request is not None:
            requests.append(request)
    return requests


def take_sweep_stop(folder: SweepFolder, besides: Container[Path]) -> StopRequest | None:
    """The oldest request to stop the whole sweep, apart from the files ``besides``. Requests for a trial stay."""
    for path in waiting_requests(folder):
        request = None if path in besides else _read(path)
        if request is not None and request.trial_id is None:
            return next(iter(take_from([path])), None)
    return None


def _read(path: Path) -> StopRequest | None:
    try:
        request = StopRequest(**read_json_file(inside(path.parent, path.name)))
    except (OSError, ValueError, TypeError, InputError):
        return None
    is_well_formed = (request.trial_id is None or is_trial_id(request.trial_id)) and isinstance(
        request.reason, str
    )
    return request if is_well_formed else None
