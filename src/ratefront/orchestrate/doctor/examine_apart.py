"""Examines in a process of its own, which is ended when the time is up: no check can hang or end the caller's process.

Ray ends a process that it cannot go on in, waits for minutes for some answers, and is connected once in a process. What
users' code prints is not part of the result.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from pickle import PicklingError

from ratefront.errors import InputError
from ratefront.orchestrate.doctor.examination import Question, examine
from ratefront.readiness import CheckLine, Readiness

#: All checks together. The process needs a second or two to end.
WITHIN_S = 58.0

_PROGRAM = "from ratefront.orchestrate.doctor.examine_apart import main; main()"
_DONE = None


def examine_apart(
    question: Question, on_line: Callable[[CheckLine], None] | None = None, within_s: float = WITHIN_S
) -> Readiness:
    """Make all checks within this time; what is not done by then is an error that names the check.

    ``on_line`` is called with each line as soon as it is known.
    """
    deadline = time.monotonic() + within_s
    ours, theirs = (Connection(end) for end in _socket_pair())
    child = subprocess.Popen(
        [sys.executable, "-P", "-c", _PROGRAM, str(theirs.fileno())],
        pass_fds=[theirs.fileno()],
        # An empty entry is the current folder: this process imports from it, so the other one does.
        env={**os.environ, "PYTHONPATH": os.pathsep.join(folder or str(Path.cwd()) for folder in sys.path)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    theirs.close()
    lines: list[CheckLine] = []

    def say(line: CheckLine) -> None:
        lines.append(line)
        if on_line is not None:
            on_line(line)

    try:
        _send(ours, question)
        if problem := _pass_on(ours, say, deadline):
            say(problem)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        ours.close()
    return Readiness(tuple(lines))


def _send(ours: Connection, question: Question) -> None:
    try:
        ours.send(question)
    except (PicklingError, TypeError, AttributeError) as error:
        raise InputError(f"spec: must be plain data, as a sweep file holds them: {error}") from error


def _pass_on(ours: Connection, say: Callable[[CheckLine], None], deadline: float) -> CheckLine | None:
    """Pass on all lines; return one that says why there are no more, where the examination did not come to its end."""
    check = "doctor"
    while ours.poll(max(0.0, deadline - time.monotonic())):
        try:
            received = ours.recv()
        except (EOFError, OSError):
            return CheckLine("error", check, "the process that looked at it has died", "look at it by hand")
        if received is _DONE:
            return None
        if isinstance(received, str):
            check = received
        else:
            say(received)
    return CheckLine("error", check, "not done in time: what comes after it was not looked at", _SLOW)


_SLOW = "look whether something hangs there: a file system, a server, a node"


def _socket_pair() -> tuple[int, int]:
    one, other = socket.socketpair()
    return one.detach(), other.detach()


def main() -> None:
    """Examine as a process of its own: the first argument is the file descriptor of the connection to the caller."""
    caller = Connection(int(sys.argv[1]))
    try:
        examine(caller.recv(), caller.send, caller.send)
        caller.send(_DONE)
    except Exception as error:
        caller.send(CheckLine("error", "doctor", f"could not go on: {type(error).__name__}: {error}"))
        caller.send(_DONE)
    os._exit(0)  # threads that were left behind do not hold it up
