"""SIGINT, SIGTERM and SIGUSR1 end a sweep at the next turn of its loop, never in the middle of a write."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any


class Interrupted(KeyboardInterrupt):
    """The sweep was asked to end; its ledger is closed and it can be resumed. Exit code 130."""

    exit_code = 130


def _say() -> None:
    with suppress(OSError):  # the terminal may be what is going
        os.write(2, b"\nending the sweep; it can be resumed (once more to end at once)\n")


def _is_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


class Interrupts:
    """Remembers that the sweep was asked to end. A second signal is obeyed at once."""

    SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)

    def __init__(self, on_first: Callable[[], None] | None = None) -> None:
        """``on_first`` is called by the handler of the first signal, in the middle of anything."""
        self._on_first = on_first or _say
        self._received: str | None = None
        self._at_once = False

    def hold(self) -> None:
        """Let no signal in before ``install``: somebody else is about to take one of them over."""
        if _is_main_thread():
            signal.pthread_sigmask(signal.SIG_BLOCK, self.SIGNALS)

    def install(self) -> None:
        """Take the signals over (again: Ray and Tune take one each for themselves), and hear those that were held."""
        if _is_main_thread():
            for number in self.SIGNALS:
                signal.signal(number, self._receive)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, self.SIGNALS)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        name, is_second = signal.Signals(number).name, self._received is not None
        self._received = self._received or name
        if is_second or self._at_once:
            raise Interrupted(f"{name} again" if is_second else name)
        self._on_first()

    def check(self) -> None:
        """
        Raises:
            Interrupted: A signal has come.
        """
        if self._received is not None:
            raise Interrupted(self._received)

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Inside, the first signal is obeyed where it comes: for long work that has no turns and writes no ledger."""
        self._at_once = True
        try:
            self.check()
            yield
            self.check()  # whoever was at work may have swallowed it
        finally:
            self._at_once = False


@contextmanager
def interrupts(on_first: Callable[[], None] | None = None) -> Iterator[Interrupts]:
    """The signals are ours inside, and what they were before afterwards."""
    before: dict[signal.Signals, Any] = {number: signal.getsignal(number) for number in Interrupts.SIGNALS}
    caught = Interrupts(on_first)
    caught.install()
    try:
        yield caught
    finally:
        if _is_main_thread():
            for number, handler in before.items():
                signal.signal(number, handler)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, Interrupts.SIGNALS)
