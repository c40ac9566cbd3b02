"""SIGINT, SIGTERM and SIGUSR1 end a sweep at the next turn of its loop, never during a write.

A request from another thread of this process does the same.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any


class Interrupted(KeyboardInterrupt):
    """The sweep was asked to end. Its ledger is closed and it can be resumed. Exit code 130."""

    exit_code = 130


def _print_notice() -> None:
    with suppress(OSError):  # the terminal may be closed
        os.write(2, b"\nending the sweep; it can be resumed (once more to end at once)\n")


def _is_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


class Interrupts:
    """Remembers that the sweep was asked to end. A second signal raises at once."""

    SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)
    INSIST_S = 0.3

    def __init__(self, on_first: Callable[[], None] | None = None) -> None:
        """Install no handlers yet. The handler of the first signal calls ``on_first``, at any point of the code."""
        self._on_first = on_first or _print_notice
        self._received: str | None = None
        self._at_once = self._has_handlers = self._is_nudged = False

    def hold(self) -> None:
        """Block the signals until ``install``: other code is about to replace one of the handlers."""
        if _is_main_thread():
            signal.pthread_sigmask(signal.SIG_BLOCK, self.SIGNALS)

    def install(self) -> None:
        """Install our handlers (again: Ray and Tune each replace one), and handle the signals that were held."""
        if _is_main_thread():
            for number in self.SIGNALS:
                signal.signal(number, self._receive)
            self._has_handlers = True
            signal.pthread_sigmask(signal.SIG_UNBLOCK, self.SIGNALS)

    def ask(self, reason: str) -> None:
        """Ask from another thread for the same as a signal does. Call it only while our handlers are installed."""
        self._received = self._received or reason
        self._nudge()

    def _nudge(self) -> None:
        """Let the main thread raise if it works at once. Of a sweep in another thread, only ``check`` raises."""
        if self._has_handlers:
            self._is_nudged = True
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if self._is_nudged:
            self._is_nudged = False
            if self._at_once:
                raise Interrupted(str(self._received))
            return
        name, is_second = signal.Signals(number).name, self._received is not None
        self._received = self._received or name
        if is_second or self._at_once:
            raise Interrupted(f"{name} again" if is_second else name)
        self._on_first()

    def check(self) -> None:
        """Raise if a signal has come.

        Raises:
            Interrupted: A signal has come.
        """
        if self._received is not None:
            raise Interrupted(self._received)

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Let the first signal raise where it comes: for long work that has no loop and writes no ledger.

        It raises again where it was lost: Python drops what is raised while an object is deleted.
        """
        is_over = threading.Event()
        insisting = threading.Thread(
            target=self._insist, args=(is_over,), name="ratefront-interrupts", daemon=True
        )
        self._at_once = True
        try:
            self.check()
            insisting.start()
            yield
            self.check()  # the code inside may have caught it
        finally:
            self._at_once = False
            is_over.set()
            if insisting.ident is not None:
                insisting.join()

    def _insist(self, is_over: threading.Event) -> None:
        while not is_over.wait(self.INSIST_S):
            if self._received is not None:
                self._nudge()


@contextmanager
def interrupts(on_first: Callable[[], None] | None = None) -> Iterator[Interrupts]:
    """Install our handlers, and restore the earlier ones at the end."""
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
