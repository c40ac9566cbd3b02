"""Examines in a process of its own, which is ended when the time is up: no check can hang or end the caller's process.

Ray ends a process that it cannot go on in, waits for minutes for some answers, and is connected once in a process. What
users' code prints is not part of the result.

The process is asked to end before it is killed, so that it removes what a check has put into the sweep's folder. It
also ends by itself when the caller has died, or has not ended it in time.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from math import ceil
from multiprocessing.connection import Connection
from pathlib import Path
from pickle import PicklingError
from types import FrameType

from ratefront.errors import InputError
from ratefront.orchestrate.doctor.examination import Question, examine
from ratefront.readiness import CheckLine, Readiness

#: All checks together. The process needs some seconds to end.
WITHIN_S = 57.0
#: How long it may tidy up when it is asked to end. Ray hears of a signal within a second.
TIDY_S = 2.5
#: The caller ends it first, where it lives.
_LATER_S = 2.0

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
        [sys.executable, "-P", "-c", _PROGRAM, str(theirs.fileno()), str(within_s + _LATER_S)],
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
        _end(child)
        ours.close()
    return Readiness(tuple(lines))


def _end(child: subprocess.Popen[bytes]) -> None:
    try:
        _signal_all(child, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            child.wait(TIDY_S)
    finally:  # a second Ctrl-C ends the waiting
        _signal_all(child, signal.SIGKILL)
        child.wait()


def _signal_all(child: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Send a signal to the process and those that it has started, which are its group."""
    with suppress(ProcessLookupError):
        os.killpg(child.pid, number)


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
    """Examine as a process of its own.

    The arguments are the file descriptor of the connection to the caller, and after how many seconds the process ends
    even where it is not asked to.
    """
    caller, within_s = Connection(int(sys.argv[1])), float(sys.argv[2])
    signal.signal(signal.SIGTERM, _interrupt)
    signal.alarm(ceil(within_s + 2 * TIDY_S))  # ends it where code in C lets no other thread go on
    try:
        question = caller.recv()
        threading.Thread(target=_end_with, args=(caller, within_s), daemon=True).start()
        examine(question, caller.send, caller.send)
        caller.send(_DONE)
    except Exception as error:
        with suppress(OSError):  # the caller may be what has died
            caller.send(CheckLine("error", "doctor", f"could not go on: {type(error).__name__}: {error}"))
            caller.send(_DONE)
    except KeyboardInterrupt:
        pass  # what the checks had made was removed on the way here
    finally:
        os._exit(0)  # threads that were left behind do not hold it up


def _interrupt(number: int, frame: FrameType | None) -> None:
    signal.signal(number, signal.SIG_IGN)  # once: a second one would break the tidying
    raise KeyboardInterrupt  # of all errors of a handler, Ray passes on this one


def _end_with(caller: Connection, within_s: float) -> None:
    """End this process as its caller does, when the caller has gone or the time is up."""
    with suppress(OSError):
        caller.poll(within_s)  # the caller says no more: only the end of the connection is heard
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)
    time.sleep(TIDY_S)
    os.killpg(0, signal.SIGKILL)
