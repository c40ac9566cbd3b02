"""What the driver does at every turn of the loop that waits for workers.

It checks for signals, for the sweep's folder and for its budget, carries out stop requests, and lets the followers draw
the report. The loop itself is Ray Tune's while trials run, and ``task_model_worker``'s before that. Where the driver is
in no loop, as while it replays a long ledger or delivers what is left to a tracker, a thread looks for requests to stop
the sweep.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Container, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

from ratefront.engine.live_sweep import LiveSweep
from ratefront.engine.messages import StopRequested, TimePassed
from ratefront.orchestrate.interrupts import Interrupted, Interrupts
from ratefront.orchestrate.sweep_followers import SweepFollowers
from ratefront.store.ledger.driver_lock import driver_of
from ratefront.store.ledger.ledger_file import Ledger
from ratefront.store.ledger.stop_requests import (
    StopRequest,
    take_from,
    take_requests,
    take_sweep_stop,
    waiting_requests,
)
from ratefront.store.sweep_folder import SweepFolder

#: Seconds between two looks for requests in the folder.
REQUEST_INTERVAL_S = 0.25


class DriverLoop:
    """The duties of a driver while it waits: ``begin`` once, then ``tick`` several times a second.

    An error that ``tick`` raises ends the sweep.

    Call ``hold_signals`` before Ray Tune starts: it takes signal handlers over for itself. Signals that arrive before
    ``begin`` are handled at ``begin``.
    """

    def __init__(
        self,
        live: LiveSweep,
        ledger: Ledger,
        folder: SweepFolder,
        caught: Interrupts,
        followers: SweepFollowers,
    ) -> None:
        self._live, self._ledger, self._folder = live, ledger, folder
        self._caught, self._followers = caught, followers
        self._next_look = 0.0

    def hold_signals(self) -> None:
        """Let no signal in before ``begin``."""
        self._caught.hold()

    def begin(self) -> None:
        """Install our signal handlers, and handle the signals that were held."""
        self._caught.install()

    def at_once(self) -> AbstractContextManager[None]:
        """Let a signal raise where it comes (see ``Interrupts.at_once``)."""
        return self._caught.at_once()

    def check_signals(self) -> None:
        """Check for signals only. Requests to an earlier driver do not concern a driver that has not begun.

        Raises:
            Interrupted: A signal asks it to end.
        """
        self._caught.check()

    def check_folder(self) -> None:
        """Check that the sweep's folder is where it was.

        Raises:
            LedgerMovedError: It is not.
        """
        self._ledger.check_in_place()

    def tick(self) -> None:
        """Check for signals and for the folder, carry out requests, and let the followers draw a report that is due.

        The engine learns that time has passed: the budget may be spent.

        Raises:
            Interrupted: A signal or a request asks the sweep to end.
            LedgerMovedError: The sweep's folder is not where it was.
        """
        self._caught.check()
        if time.monotonic() >= self._next_look:
            self._next_look = time.monotonic() + REQUEST_INTERVAL_S
            self.check_folder()
            self.carry_out(take_requests(self._folder))
        self._live.tell(TimePassed(time.time()))
        self._followers.tick(self._live.history)

    def carry_out(self, requests: list[StopRequest]) -> None:
        """Stop the trials that the requests name. Their workers are free at their next report.

        Raises:
            Interrupted: A request asks the whole sweep to end.
        """
        for request in requests:
            if request.trial_id is None:
                raise Interrupted(request.reason)
            self._live.tell(StopRequested(request.trial_id, request.reason))


@contextmanager
def interrupted_by_requests(
    folder: SweepFolder, caught: Interrupts, earlier: Container[Path]
) -> Iterator[None]:
    """Let a request to stop the sweep interrupt it wherever it is, as a signal does.

    ``earlier`` are the files of requests that do not concern this driver.
    """
    is_over = threading.Event()

    def look() -> None:
        while not is_over.wait(REQUEST_INTERVAL_S):
            with suppress(OSError):  # the folder cannot be read just now
                request = take_sweep_stop(folder, earlier)
                if request is not None:
                    caught.ask(request.reason)
                    return

    thread = threading.Thread(target=look, name="ratefront-requests", daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def requests_to_earlier_driver(folder: SweepFolder) -> list[Path]:
    """Return the files of the requests to an earlier driver.

    Call it before the ledger is opened: requests that come later are for this driver.
    """
    if not folder.ledger.exists() or driver_of(folder) is not None:
        return []
    return waiting_requests(folder)


def take_trial_stops(paths: list[Path]) -> list[StopRequest]:
    """Take all requests in these files, and return those that stop one trial: the others were for the driver."""
    return [request for request in take_from(paths) if request.trial_id is not None]
