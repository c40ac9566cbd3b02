"""Delivers a growing ledger to a tracker in a thread of its own, so that the sweep never waits."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ratefront.history.events import Entry
from ratefront.tracking.delivery.deliver import Delivery
from ratefront.tracking.delivery.delivery_errors import describe_error, is_refusal
from ratefront.tracking.delivery.folder_content import FolderContent, NoFolder
from ratefront.tracking.tracker_protocol import TrackedEnding, Tracker
from ratefront.wording import Argument, Call, Message

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FollowerTiming:
    """When a follower reads the ledger and when it tries again. Times are in seconds.

    Attributes:
        poll: Between two looks at the ledger without ``wake``.
        settle: Pause after ``wake``, so that entries of one moment are sent together.
        retry: The first pause after a failure. It doubles with each further failure.
        retry_max: The longest pause after a failure.
        retry_max_closing: The longest pause while the driver waits for the end.
        failures_before_warning: After so many failures a warning is logged; a refusal is logged at once.
    """

    poll: float = 2.0
    settle: float = 0.2
    retry: float = 0.25
    retry_max: float = 15.0
    retry_max_closing: float = 1.0
    failures_before_warning: int = 4


class Follower:
    """Delivers every entry of a ledger to a tracker in a thread, and tries again after a failure (see ``Delivery``)."""

    def __init__(
        self,
        read_new: Callable[[], Iterable[Entry]],
        tracker: Tracker,
        timing: FollowerTiming | None = None,
        files: FolderContent | NoFolder | None = None,
    ) -> None:
        self._delivery, self._timing = Delivery(read_new, tracker, files), timing or FollowerTiming()
        self._is_drained = self._is_abandoned = False
        self._error: Exception | None = None
        self._has_grown, self._hurry, self._leaving = threading.Event(), threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._follow, name="ratefront-tracking", daemon=True)

    def start(self) -> Follower:
        """Start the thread."""
        self._thread.start()
        return self

    def wake(self) -> None:
        """Say that the ledger has grown. This takes microseconds, even if the tracker hangs."""
        self._has_grown.set()

    @property
    def error(self) -> str:
        """Why the last try failed; empty if it did not."""
        return describe_error(self._error) if self._error else ""

    @property
    def is_refused(self) -> bool:
        """Whether the last try failed for a reason that only a person can remove."""
        return self._error is not None and is_refusal(self._error)

    @property
    def has_answered(self) -> bool:
        """Whether the tracker has answered, with success or an error. Opening a new store takes time."""
        return self._error is not None or self._is_drained or self._delivery.calls_done > 0

    def finish(self, ending: TrackedEnding, patience: float, at_most: float = math.inf) -> int:
        """Deliver the rest, close the sweep's run, and stop. See ``close``."""
        self._delivery.ending = ending
        return self.close(patience, at_most)

    def close(self, patience: float, at_most: float = math.inf) -> int:
        """Deliver the rest and stop.

        Give up after ``patience`` seconds without a delivery, after ``at_most`` seconds in all, or if the tracker
        refuses.

        Returns:
            The number of entries that were not delivered, normally 0. A warning in the log gives it with the last
            error. They are not lost: the ledger has them, and the next follower delivers them.
        """
        self._leaving.set()
        self._hurry.set()
        self._has_grown.set()
        try:
            self._wait_for_the_end(patience, at_most)
        finally:  # also after Ctrl-C
            self.abandon()
        if self._is_drained:
            return 0
        undelivered = max(self._delivery.undelivered, 1)  # the ending counts as one if all else is delivered
        if self._error:
            why = f"last error: {self.error}"
        elif at_most <= patience:
            why = f"there were {at_most:g} s left for them"
        else:
            why = f"the tracker has not answered for {patience:g} s"
        _log.warning(
            Message(
                f"tracking: {undelivered} ledger entries not delivered ({why}); they stay in the ledger, from where `",
                Call("sweep.track"),
                "`, with the same ",
                Argument("tracking_uri"),
                ", delivers them",
            )
        )
        return undelivered

    def abandon(self) -> None:
        """Stop at the next call to the tracker, without waiting for it."""
        self._is_abandoned = True
        self._delivery.abandon()
        self._hurry.set()
        self._has_grown.set()

    def _wait_for_the_end(self, patience: float, at_most: float) -> None:
        """Wait as long as something is delivered: a standstill is a reason to give up, and so is the time in all."""
        calls_done, until = -1, time.monotonic() + at_most
        while self._thread.is_alive() and calls_done != self._delivery.calls_done:
            calls_done = self._delivery.calls_done
            self._thread.join(min(patience, max(0.0, until - time.monotonic())))
            if time.monotonic() >= until:
                return

    def _follow(self) -> None:
        failures = 0
        while not self._is_abandoned:
            is_last = (
                self._leaving.is_set()
            )  # read this before the ledger: what was written before is delivered
            try:
                self._delivery.deliver(is_last)
            except Exception as error:
                failures, self._error = failures + 1, error
                self._log_failure(failures, error)
                if is_last and is_refusal(error):
                    return
                self._pause_after(failures)
                continue
            if is_last:
                self._is_drained = True
                return
            failures, self._error = 0, None
            self._wait_for_entries()

    def _log_failure(self, failures: int, error: Exception) -> None:
        """Log each outage once, and not at its first failure."""
        if failures == (1 if is_refusal(error) else self._timing.failures_before_warning):
            _log.warning("tracking: %s; the sweep goes on, trying again", describe_error(error))

    def _wait_for_entries(self) -> None:
        self._has_grown.wait(self._timing.poll)
        self._has_grown.clear()
        if not self._leaving.is_set():
            self._hurry.wait(self._timing.settle)

    def _pause_after(self, failures: int) -> None:
        longest = self._timing.retry_max_closing if self._leaving.is_set() else self._timing.retry_max
        self._hurry.wait(min(self._timing.retry * 2 ** min(failures - 1, 30), longest))
        self._hurry.clear()
