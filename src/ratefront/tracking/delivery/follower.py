"""Delivers a growing ledger to a tracker in a thread of its own: never in the sweep's way."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
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
    """How often a follower looks and how patiently it tries again, in seconds.

    poll      between two looks at the ledger when nobody wakes it
    settle    after being woken, so that what happens together is sent together
    retry     first pause after a failure; doubled with each further one
    retry_max longest such pause; ``retry_max_closing`` once the driver waits for the end

    An outage is worth a warning after ``failures_before_warning`` tries, a refusal at once.
    """

    poll: float = 2.0
    settle: float = 0.2
    retry: float = 0.25
    retry_max: float = 15.0
    retry_max_closing: float = 1.0
    failures_before_warning: int = 4


class Follower:
    """Delivers every entry of a ledger to a tracker, now and again when that fails (see ``Delivery``)."""

    def __init__(
        self,
        read_new: Callable[[], list[Entry]],
        tracker: Tracker,
        timing: FollowerTiming | None = None,
        files: FolderContent | NoFolder | None = None,
    ) -> None:
        self._delivery, self._timing = Delivery(read_new, tracker, files), timing or FollowerTiming()
        self._is_drained = self._is_abandoned = False
        self._error: Exception | None = None
        self._news, self._hurry, self._leaving = threading.Event(), threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._follow, name="ratefront-tracking", daemon=True)

    def start(self) -> Follower:
        self._thread.start()
        return self

    def wake(self) -> None:
        """Say that the ledger has grown. Costs the caller microseconds, whatever the tracker does."""
        self._news.set()

    @property
    def error(self) -> str:
        """Why the last try failed; empty where none did."""
        return describe_error(self._error) if self._error else ""

    @property
    def is_refused(self) -> bool:
        """The last try failed, and only a person can mend why."""
        return self._error is not None and is_refusal(self._error)

    @property
    def has_answered(self) -> bool:
        """The tracker has taken something, or failed to: opening a store for the first time takes its time."""
        return self._error is not None or self._is_drained or self._delivery.calls_done > 0

    def finish(self, ending: TrackedEnding, patience: float) -> int:
        """Deliver what is left, close the sweep's run, and stop; see ``close``."""
        self._delivery.ending = ending
        return self.close(patience)

    def close(self, patience: float) -> int:
        """Deliver what is left and stop; wait until nothing has been delivered for ``patience`` seconds, or the tracker
        refuses it.

        Returns the number of entries that were not delivered, 0 as a rule; a warning in the log gives it with
        the last error. Nothing is lost then: the ledger has it, and the next follower delivers it.
        """
        self._leaving.set()
        self._hurry.set()
        self._news.set()
        try:
            self._wait_for_the_end(patience)
        finally:  # also where somebody presses Ctrl-C meanwhile
            self.abandon()
        if self._is_drained:
            return 0
        left = max(self._delivery.undelivered, 1)  # the ending itself counts where all else is delivered
        why = (
            f"last error: {self.error}" if self._error else f"the tracker has not answered for {patience:g} s"
        )
        _log.warning(
            Message(
                f"tracking: {left} ledger entries not delivered ({why}); they stay in the ledger, from where `",
                Call("sweep.track"),
                "`, with the same ",
                Argument("tracking_uri"),
                ", delivers them",
            )
        )
        return left

    def abandon(self) -> None:
        """Stop at the next call to the tracker, without waiting for it."""
        self._is_abandoned = True
        self._delivery.abandon()
        self._hurry.set()
        self._news.set()

    def _wait_for_the_end(self, patience: float) -> None:
        """A long way to go is no reason to give up, pareto_rank still is."""
        calls_done = -1
        while self._thread.is_alive() and calls_done != self._delivery.calls_done:
            calls_done = self._delivery.calls_done
            self._thread.join(patience)

    def _follow(self) -> None:
        failures = 0
        while not self._is_abandoned:
            is_last = self._leaving.is_set()  # asked before reading: what came before leaving is delivered
            try:
                self._delivery.deliver(is_last)
            except Exception as error:
                failures, self._error = failures + 1, error
                self._tell(failures, error)
                if is_last and is_refusal(error):
                    return
                self._pause_after(failures)
                continue
            if is_last:
                self._is_drained = True
                return
            failures, self._error = 0, None
            self._wait_for_news()

    def _tell(self, failures: int, error: Exception) -> None:
        """Once an outage, and not at its first hiccup."""
        if failures == (1 if is_refusal(error) else self._timing.failures_before_warning):
            _log.warning("tracking: %s; the sweep goes on, trying again", describe_error(error))

    def _wait_for_news(self) -> None:
        self._news.wait(self._timing.poll)
        self._news.clear()
        if not self._leaving.is_set():
            self._hurry.wait(self._timing.settle)

    def _pause_after(self, failures: int) -> None:
        longest = self._timing.retry_max_closing if self._leaving.is_set() else self._timing.retry_max
        self._hurry.wait(min(self._timing.retry * 2 ** min(failures - 1, 30), longest))
        self._hurry.clear()
