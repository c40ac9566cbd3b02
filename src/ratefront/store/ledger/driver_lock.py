"""The lock that keeps a ledger to one driver, which holds it for as long as it lives; any process may ask who does."""

from __future__ import annotations

import os
import socket
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO

from ratefront.bounded_files import read_regular_file
from ratefront.errors import LedgerLockedError
from ratefront.store.files.atomic_files import write_text
from ratefront.store.files.inside import inside
from ratefront.store.files.process_lock import try_lock
from ratefront.store.sweep_folder import SweepFolder

#: How long a writer tries to get the lock: a process that only asks for the driver holds the lock for a moment.
LOCK_PATIENCE_S = 0.5


@dataclass(frozen=True)
class DriverProcess:
    """The process that writes a ledger (``process 123 on host``), and since when, in seconds since the epoch.

    ``since`` is 0 where it is not known.
    """

    name: str
    since: float

    def __str__(self) -> str:
        if not self.since:
            return self.name
        return f"{self.name} since {datetime.fromtimestamp(self.since).astimezone():%Y-%m-%d %H:%M:%S %z}"


def name_of_this_process() -> str:
    """How a driver names itself in its lock, and in the event ``Resumed``."""
    return f"process {os.getpid()} on {socket.gethostname()}"


def take_driver_lock(stream: IO[bytes], ledger: Path) -> None:
    """Take the exclusive lock on an open ledger, and write this process's name beside it.

    Raises:
        LedgerLockedError: Another process holds the lock; names that process.
        InputError: The file system has no locks.
    """
    lock_file = inside(ledger.parent, ledger.with_suffix(".lock").name)
    deadline = time.monotonic() + LOCK_PATIENCE_S
    while not try_lock(stream):
        if time.monotonic() > deadline:
            raise LedgerLockedError(f"{ledger} is being written by {_named_in(lock_file)}")
        time.sleep(LOCK_PATIENCE_S / 20)
    write_text(lock_file, f"{name_of_this_process()}\n")


def driver_of(folder: SweepFolder) -> DriverProcess | None:
    """The driver that runs a sweep now; None where no driver runs. There must be a ledger.

    A shared lock is taken and released at once. A driver that starts just then tries to take its own lock again.
    """
    with folder.ledger.open("rb") as stream:
        return None if try_lock(stream, shared=True) else _named_in(folder.lock)


def _named_in(lock_file: Path) -> DriverProcess:
    """The driver as its lock's file names it. The holder writes that file once."""
    try:
        return DriverProcess(read_regular_file(lock_file).decode("utf-8").strip(), lock_file.stat().st_mtime)
    except (OSError, UnicodeDecodeError):
        return DriverProcess("another process", 0.0)
