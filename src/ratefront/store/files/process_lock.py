"""Locks for work that two processes must not do at the same time."""

from __future__ import annotations

import fcntl
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from ratefront.errors import InputError

_log = logging.getLogger(__name__)


@contextmanager
def exclusively(lock: Path, work: str, on_wait: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold the lock on this file while the block runs. Waits for another process that holds it.

    The lock of a process that is killed is free. The lock's file is never removed, because another process may be
    waiting for it.

    Args:
        lock: The file that is locked; it is created where it is missing.
        work: Names the work in the log while this process waits.
        on_wait: Is called where this process has to wait.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("a") as stream:
        if not try_lock(stream):
            _log.info("%s: waiting for another process, which is at it (lock %s)", work, lock)
            on_wait()
            fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def is_unlocked(lock: Path) -> bool:
    """Whether no process holds the lock on this file, this process included."""
    with lock.open("a") as stream:
        return try_lock(stream)


def try_lock(stream: IO[bytes] | IO[str], *, shared: bool = False) -> bool:
    """Lock an open file until it is closed, if no other process holds its lock: True where it is locked now.

    Raises:
        InputError: Its file system has no locks.
    """
    try:
        fcntl.flock(stream, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        raise InputError(
            f"{stream.name} cannot be locked ({error.strerror}), so that two processes could write there at once: put "
            "its folder on a file system with locks"
        ) from error
    return True
