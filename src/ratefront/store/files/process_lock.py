"""Work that two processes must not do at the same time."""

from __future__ import annotations

import fcntl
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_log = logging.getLogger(__name__)


@contextmanager
def exclusively(lock: Path, work: str, on_wait: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Wait until no other process is inside with this file; one that is killed there is out.

    The file stays: whoever removed it could not know who is waiting for it. ``work`` is named in the log while waiting,
    and ``on_wait`` is called where there is something to wait for.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("a") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _log.info("%s: waiting for another process, which is at it (lock %s)", work, lock)
            on_wait()
            fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def is_unlocked(lock: Path) -> bool:
    """Whether nobody is inside with this file; not even this process."""
    with lock.open("a") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
