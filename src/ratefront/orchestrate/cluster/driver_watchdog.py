"""Ends the cluster processes that a dead driver leaves: Ray's own agents would search for the cluster for a minute.

A driver that starts a cluster on this machine first starts this module as a process of its own: the watchdog. The
watchdog holds the other end of a pipe, which closes when the driver ends, for whatever reason. Then it asks the
remaining processes of the cluster to end, and kills those that do not.

A process belongs to the cluster if its environment holds the driver's mark. A process of Ray's that renames itself
loses its environment. Such a process belongs to the cluster if it has Ray's kind of name, and a file open in the
session folder of the marked processes.

This module imports the standard library only, and runs without the package, so that it starts at once.
"""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self
from uuid import uuid4

MARK = "RATEFRONT_WATCHDOG"

#: A cluster that the driver itself shuts down is gone by then.
GRACE_S = 1.5
#: Time from SIGTERM to SIGKILL. The watchdog sends SIGKILL again and again until ``GIVE_UP_S``.
TERMINATE_S = 2.0
GIVE_UP_S = 30.0

_POLL_S = 0.1
_SESSION_POLL_S = 0.5
_NAMED_BY_RAY = b"ray::"
_SESSION = re.compile(r"(.*/session_[^/]+)/")


class ClusterWatchdog:
    """The driver's side: a context manager that runs the watchdog process.

    Processes that the driver starts inside ``watching`` carry the mark, so the watchdog ends them.
    """

    def __init__(self) -> None:
        self._mark = uuid4().hex

    def __enter__(self) -> Self:
        watchdog_end, self._driver_end = os.pipe()
        command = [sys.executable, "-I", "-S", __file__]  # by its file: the package need not be found
        try:
            subprocess.run(
                [*command, self._mark],
                stdin=watchdog_end,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is for the driver
                check=True,
            )
        finally:
            os.close(watchdog_end)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._driver_end)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Mark the environment, which child processes inherit."""
        os.environ[MARK] = self._mark
        try:
            yield
        finally:
            del os.environ[MARK]


@dataclass(frozen=True)
class _Process:
    """A process by its number and the clock tick of its start: numbers are used again."""

    pid: int
    began: bytes

    @classmethod
    def of(cls, pid: int) -> _Process:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
        return cls(pid, stat.rpartition(b")")[2].split()[19])

    def send(self, number: signal.Signals) -> None:
        with suppress(OSError):
            if _Process.of(self.pid) == self:
                os.kill(self.pid, number)


def _own_processes() -> Iterator[int]:
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if path.stat().st_uid == os.getuid() and int(path.name) != os.getpid():
                yield int(path.name)


def _open_files(pid: int) -> Iterator[str]:
    with suppress(OSError):
        for link in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                yield str(link.readlink())


class _MarkedProcesses:
    """The processes of the cluster with this mark. ``session`` is the folder of their files, once it is known."""

    def __init__(self, mark: str) -> None:
        self._mark = f"{MARK}={mark}".encode()
        self.session: str | None = None

    def learn_session(self) -> None:
        for pid in filter(self._is_marked, _own_processes()):
            for path in _open_files(pid):
                if match := _SESSION.match(path):
                    self.session = match[1]
                    return

    def processes(self) -> set[_Process]:
        if self.session is None:
            self.learn_session()
        processes = set()
        for pid in _own_processes():
            with suppress(OSError):
                process = _Process.of(pid)
                if self._is_marked(pid) or self._works_in_session(pid):
                    processes.add(process)
        return processes

    def _is_marked(self, pid: int) -> bool:
        try:
            return self._mark in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        except OSError:
            return False

    def _works_in_session(self, pid: int) -> bool:
        """Return whether this is one of Ray's processes in the session: other programs open files there too."""
        if self.session is None or not Path(f"/proc/{pid}/cmdline").read_bytes().startswith(_NAMED_BY_RAY):
            return False
        return any(path.startswith(f"{self.session}/") for path in _open_files(pid))


def _wait_for_driver(cluster: _MarkedProcesses) -> None:
    """Wait until the pipe closes. Nothing is written to it."""
    while not select.select([sys.stdin], [], [], _SESSION_POLL_S if cluster.session is None else None)[0]:
        cluster.learn_session()


def _end(cluster: _MarkedProcesses) -> None:
    terminated: set[_Process] = set()
    began = time.monotonic()
    while (left := cluster.processes()) and (waited_s := time.monotonic() - began) < GIVE_UP_S:
        for process in left:
            if waited_s >= GRACE_S + TERMINATE_S:
                process.send(signal.SIGKILL)
            elif waited_s >= GRACE_S and process not in terminated:
                process.send(signal.SIGTERM)
                terminated.add(process)
        time.sleep(_POLL_S)


def main() -> None:
    """Wait as a process of its own until the driver has ended, then end its cluster."""
    if os.fork():
        os._exit(0)  # the driver need not wait for the watchdog
    os.chdir("/")
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1):
        signal.signal(number, signal.SIG_IGN)  # a signal to the whole group is for the driver
    cluster = _MarkedProcesses(sys.argv[1])
    _wait_for_driver(cluster)
    _end(cluster)


if __name__ == "__main__":
    main()
