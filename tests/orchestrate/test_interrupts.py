"""Signals end a sweep at its next turn, and restore what was installed before."""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import suppress

import pytest

from ratefront.orchestrate.interrupts import Interrupted, interrupts

SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGUSR1]


@pytest.mark.parametrize("number", SIGNALS)
class TestSignals:
    def test_a_signal_raises_at_the_next_check_a_second_at_once(self, number: signal.Signals) -> None:
        before = signal.getsignal(number)
        with interrupts() as caught:
            caught.check()
            os.kill(os.getpid(), number)
            time.sleep(0.01)
            with pytest.raises(Interrupted, match=number.name):
                caught.check()
            with pytest.raises(Interrupted, match="again"):
                signal.raise_signal(number)
        assert signal.getsignal(number) is before

    def test_at_once_interrupts_long_work(self, number: signal.Signals) -> None:
        timer = threading.Timer(0.1, os.kill, (os.getpid(), number))
        began = time.monotonic()
        with interrupts() as caught:
            timer.start()
            with pytest.raises(Interrupted, match=number.name), caught.at_once():
                time.sleep(10)
        assert time.monotonic() - began < 5

    def test_at_once_sees_earlier_and_swallowed_signals(self, number: signal.Signals) -> None:
        with interrupts() as caught:
            signal.raise_signal(number)
            with pytest.raises(Interrupted), caught.at_once():
                pytest.fail("nothing more is started")
        with interrupts() as caught:
            swallowing = suppress(BaseException)
            with pytest.raises(Interrupted), caught.at_once(), swallowing:
                signal.raise_signal(number)

    def test_at_once_raises_again_what_was_lost_in_a_destructor(self, number: signal.Signals) -> None:
        class Deleted:
            def __del__(self) -> None:
                with suppress(BaseException):  # Python itself does so, and prints what was raised
                    signal.raise_signal(number)

        began, kept = time.monotonic(), [Deleted()]

        def work() -> None:
            kept.clear()
            time.sleep(10)

        with interrupts() as caught, pytest.raises(Interrupted, match=number.name), caught.at_once():
            work()
        assert time.monotonic() - began < 5

    def test_a_held_signal_is_not_lost_to_another_handler(self, number: signal.Signals) -> None:
        with interrupts() as caught:
            caught.hold()
            signal.signal(number, lambda *values: pytest.fail("the other one has it"))
            signal.raise_signal(number)
            caught.install()
            with pytest.raises(Interrupted, match=number.name):
                caught.check()


def test_held_signals_are_unblocked_at_the_end() -> None:
    with interrupts() as caught:
        caught.hold()
    assert not signal.pthread_sigmask(signal.SIG_BLOCK, []) & set(SIGNALS)
