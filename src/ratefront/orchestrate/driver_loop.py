"""What a driver does besides waiting: hear signals and what people ask, keep the report current."""

from __future__ import annotations

import time
from pathlib import Path

from ratefront.engine.live_sweep import LiveSweep
from ratefront.engine.messages import StopRequested
from ratefront.orchestrate.followers import Following
from ratefront.orchestrate.interrupts import Interrupted, Interrupts
from ratefront.store.ledger.driver_lock import driver_of
from ratefront.store.ledger.stop_requests import StopRequest, take_from, take_requests, waiting_requests
from ratefront.store.sweep_folder import SweepFolder

#: How often the folder is looked at for requests.
LOOK_S = 0.25


class Turns:
    """Whoever waits calls ``begin`` once and ``turn`` several times a second; what a turn raises ends the sweep.

    Signals between ``expect`` and ``begin`` are heard at the latter, whoever takes them over meanwhile.
    """

    def __init__(
        self, live: LiveSweep, folder: SweepFolder, caught: Interrupts, following: Following
    ) -> None:
        self._live, self._folder, self._caught, self._following = live, folder, caught, following
        self._next_look = 0.0

    def expect(self) -> None:
        self._caught.hold()

    def begin(self) -> None:
        self._caught.install()

    def hear(self) -> None:
        """A turn of a driver that has not begun: what was asked of an earlier one is no request to it.

        Raises:
            Interrupted: A signal asks it to end.
        """
        self._caught.check()

    def turn(self) -> None:
        """
        Raises:
            Interrupted: A signal or a request asks the sweep to end.
        """
        self._caught.check()
        if time.monotonic() >= self._next_look:
            self._next_look = time.monotonic() + LOOK_S
            self.obey(take_requests(self._folder))
        self._following.turn(self._live.history)

    def obey(self, requests: list[StopRequest]) -> None:
        """Stop the trials that are to be stopped; their workers are free at their next report."""
        for request in requests:
            if request.trial_id is None:
                raise Interrupted(request.reason)
            self._live.tell(StopRequested(request.trial_id, request.reason))


def left_requests(folder: SweepFolder) -> list[Path]:
    """What was asked of an earlier driver. To be looked for before the ledger is opened: later ones are this one's."""
    if not folder.ledger.exists() or driver_of(folder) is not None:
        return []
    return waiting_requests(folder)


def still_counting(left: list[Path]) -> list[StopRequest]:
    """Of what was asked of an earlier driver the trials to stop; all of it is taken."""
    return [request for request in take_from(left) if request.trial_id is not None]
