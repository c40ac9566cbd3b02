"""Ends what a driver that died has left behind: Ray's own agents would look for their lost cluster for a minute.

A driver that starts a cluster here first starts this module as a process of its own, which holds the other end of a
pipe. The pipe closes when the driver ends, however it does; what still runs of its cluster then is asked to end, and
killed where it does not. A process belongs to the cluster if it carries the driver's mark in its environment; or, as
one of Ray's that gave itself a name loses its environment, if it is called so and has a file open in the folder in
which those that carry the mark keep theirs. Only the standard library: the guardian is there at once.
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

MARK = "RATEFRONT_GUARDIAN"

#: A cluster that is ended in order is gone by then.
GRACE_S = 1.5
#: What was asked to end and has not by then is killed, again and again for as long as ``STUBBORN_S``.
POLITE_S = 2.0
STUBBORN_S = 30.0

_LOOK_S = 0.1
_LEARN_S = 0.5
_NAMED_BY_RAY = b"ray::"
_SESSION = re.compile(r"(.*/session_[^/]+)/")


class Guardian:
    """The driver's side: inside, a guardian watches; processes that are started inside ``watching`` are its own."""

    def __init__(self) -> None:
        self._mark = uuid4().hex

    def __enter__(self) -> Self:
        theirs, self._ours = os.pipe()
        by_its_file = [sys.executable, "-I", "-S", __file__]  # wherever this was imported from, and at once
        try:
            subprocess.run(
                [*by_its_file, self._mark],
                stdin=theirs,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is for the driver
                check=True,
            )
        finally:
            os.close(theirs)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._ours)

    @contextmanager
    def watching(self) -> Iterator[None]:
        os.environ[MARK] = self._mark
        try:
            yield
        finally:
            del os.environ[MARK]


@dataclass(frozen=True)
class _Process:
    """A process by its number and the clock tick at which it began: numbers are used again."""

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


class _Cluster:
    """The processes of the cluster that carries a mark; ``session`` is the folder of their files, once it is known."""

    def __init__(self, mark: str) -> None:
        self._mark = f"{MARK}={mark}".encode()
        self.session: str | None = None

    def learn_session(self) -> None:
        for pid in filter(self._is_marked, _own_processes()):
            for path in _open_files(pid):
                if found := _SESSION.match(path):
                    self.session = found[1]
                    return

    def processes(self) -> set[_Process]:
        if self.session is None:
            self.learn_session()
        found = set()
        for pid in _own_processes():
            with suppress(OSError):
                process = _Process.of(pid)
                if self._is_marked(pid) or self._works_in_session(pid):
                    found.add(process)
        return found

    def _is_marked(self, pid: int) -> bool:
        try:
            return self._mark in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        except OSError:
            return False

    def _works_in_session(self, pid: int) -> bool:
        """The driver has files there, too, and so may whoever reads the logs."""
        if self.session is None or not Path(f"/proc/{pid}/cmdline").read_bytes().startswith(_NAMED_BY_RAY):
            return False
        return any(path.startswith(f"{self.session}/") for path in _open_files(pid))


def _wait_for_driver(cluster: _Cluster) -> None:
    """Until the pipe closes; nobody writes to it."""
    while not select.select([sys.stdin], [], [], _LEARN_S if cluster.session is None else None)[0]:
        cluster.learn_session()


def _end(cluster: _Cluster) -> None:
    asked: set[_Process] = set()
    began = time.monotonic()
    while (left := cluster.processes()) and (waited_s := time.monotonic() - began) < STUBBORN_S:
        for process in left:
            if waited_s >= GRACE_S + POLITE_S:
                process.send(signal.SIGKILL)
            elif waited_s >= GRACE_S and process not in asked:
                process.send(signal.SIGTERM)
                asked.add(process)
        time.sleep(_LOOK_S)


def main() -> None:
    if os.fork():
        os._exit(0)  # nobody waits for the guardian, and nobody has to
    os.chdir("/")
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1):
        signal.signal(number, signal.SIG_IGN)  # whoever ends a whole group of processes means the driver
    cluster = _Cluster(sys.argv[1])
    _wait_for_driver(cluster)
    _end(cluster)


if __name__ == "__main__":
    main()
