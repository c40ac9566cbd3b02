"""Whether a driver runs a sweep, as anybody may ask: it holds the ledger's lock for as long as it lives."""

from __future__ import annotations

import fcntl
import os
import socket
from dataclasses import dataclass

from ratefront.store.sweep_folder import SweepFolder


@dataclass(frozen=True)
class DriverProcess:
    """Who writes a ledger (``process 123 on host``), and since when, in seconds since the epoch."""

    name: str
    since: float


def name_of_this_process() -> str:
    """What a driver calls itself, in its lock and where it goes on with a sweep."""
    return f"process {os.getpid()} on {socket.gethostname()}"


def driver_of(folder: SweepFolder) -> DriverProcess | None:
    """The driver that runs a sweep now; there must be a ledger.

    The lock is asked for as a reader and let go at once. A driver that comes in just then tries its own again.
    """
    with folder.ledger.open("rb") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return _named(folder)
    return None


def _named(folder: SweepFolder) -> DriverProcess:
    """The lock's file is written by its holder, once."""
    try:
        return DriverProcess(folder.lock.read_text(encoding="utf-8").strip(), folder.lock.stat().st_mtime)
    except OSError:
        return DriverProcess("another process", 0.0)
