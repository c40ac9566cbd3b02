"""What the driver does at every turn of the loop that waits for workers.

It checks for signals and for the sweep's folder, carries out stop requests, and lets the followers draw the report. The
loop itself is Ray Tune's while trials run, and ``task_model_worker``'s before that.
"""

from __future__ import annotations

import time
from pathlib import Path

from ratefront.engine.live_sweep import LiveSweep
from ratefront.engine.messages import StopRequested
from ratefront.orchestrate.interrupts import Interrupted, Interrupts
from ratefront.orchestrate.sweep_followers import SweepFollowers
from ratefront.store.ledger.driver_lock import driver_of
from ratefront.store.ledger.ledger_file import Ledger
from ratefront.store.ledger.stop_requests import StopRequest, take_from, take_requests, waiting_requests
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

        Raises:
            Interrupted: A signal or a request asks the sweep to end.
            LedgerMovedError: The sweep's folder is not where it was.
        """
        self._caught.check()
        if time.monotonic() >= self._next_look:
            self._next_look = time.monotonic() + REQUEST_INTERVAL_S
            self.check_folder()
            self.carry_out(take_requests(self._folder))
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
