"""Whether a driver runs a sweep: it holds the lock on the ledger for as long as it lives. Any process may ask."""

from __future__ import annotations

import fcntl
import os
import socket
from dataclasses import dataclass

from ratefront.store.sweep_folder import SweepFolder


@dataclass(frozen=True)
class DriverProcess:
    """The process that writes a ledger (``process 123 on host``), and since when, in seconds since the epoch."""

    name: str
    since: float


def name_of_this_process() -> str:
    """How a driver names itself in its lock, and in the event ``Resumed``."""
    return f"process {os.getpid()} on {socket.gethostname()}"


def driver_of(folder: SweepFolder) -> DriverProcess | None:
    """The driver that runs a sweep now; None where no driver runs. There must be a ledger.

    A shared lock is taken and released at once. A driver that starts just then tries to take its own lock again.
    """
    with folder.ledger.open("rb") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return _named(folder)
    return None


def _named(folder: SweepFolder) -> DriverProcess:
    """The driver as its lock's file names it. The holder writes that file once."""
    try:
        return DriverProcess(folder.lock.read_text(encoding="utf-8").strip(), folder.lock.stat().st_mtime)
    except OSError:
        return DriverProcess("another process", 0.0)
