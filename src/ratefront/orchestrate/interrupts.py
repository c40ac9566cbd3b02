"""SIGINT and SIGTERM end a sweep at the next turn of its loop, never in the middle of a write."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


class Interrupted(KeyboardInterrupt):
    """The sweep was asked to end; its ledger is closed and it can be resumed. Exit code 130."""

    exit_code = 130


class Interrupts:
    """Remembers that the sweep was asked to end. A second signal is obeyed at once."""

    SIGNALS = (signal.SIGINT, signal.SIGTERM)

    def __init__(self) -> None:
        self._received: str | None = None

    def install(self) -> None:
        """Take the signals over (again: Ray takes SIGTERM for itself when it connects); main thread only."""
        if threading.current_thread() is threading.main_thread():
            for number in self.SIGNALS:
                signal.signal(number, self._receive)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if self._received is not None:
            raise Interrupted(f"{signal.Signals(number).name} again")
        os.write(2, b"\nending the sweep; it can be resumed (once more to end at once)\n")
        self._received = signal.Signals(number).name

    def check(self) -> None:
        """
        Raises
        ------
        Interrupted
            A signal has come.
        """
        if self._received is not None:
            raise Interrupted(self._received)


@contextmanager
def interrupts() -> Iterator[Interrupts]:
    """The signals are ours inside, and what they were before afterwards."""
    before: dict[signal.Signals, Any] = {number: signal.getsignal(number) for number in Interrupts.SIGNALS}
    caught = Interrupts()
    caught.install()
    try:
        yield caught
    finally:
        if threading.current_thread() is threading.main_thread():
            for number, handler in before.items():
                signal.signal(number, handler)
