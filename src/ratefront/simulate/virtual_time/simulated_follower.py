"""A driver's follower in virtual time: it delivers the ledger to the tracker, and tries again what was refused."""

from __future__ import annotations

from collections.abc import Callable

from ratefront.history.events import Entry
from ratefront.simulate.virtual_time.virtual_clock import VirtualClock
from ratefront.tracking.delivery.deliver import Delivery
from ratefront.tracking.tracker_protocol import TrackedEnding, Tracker

#: How long after a change of the ledger it is looked at, and how long after a failed delivery again. In seconds.
LOOK_S, RETRY_S = 2.0, 15.0

#: How often a driver that leaves tries to deliver what is left.
LAST_TRIES = 3


class SimulatedFollower:
    """Follows one driver's ledger."""

    def __init__(self, read_new: Callable[[], list[Entry]], tracker: Tracker, clock: VirtualClock) -> None:
        self._delivery, self._clock = Delivery(read_new, tracker), clock
        self._is_waiting = self._has_left = False

    def ledger_grew(self) -> None:
        """Look at the ledger soon."""
        if not self._is_waiting:
            self._is_waiting = True
            self._clock.after(LOOK_S, self._look)

    def _look(self) -> None:
        if self._has_left:
            return
        try:
            self._delivery.deliver(is_last=False)
            self._is_waiting = False
        except ConnectionError:
            self._clock.after(RETRY_S, self._look)

    def die(self) -> None:
        """Deliver nothing more: the driver has died, and its thread with it."""
        self._has_left = True

    def close(self, ending: TrackedEnding) -> bool:
        """Deliver what is left and close the sweep; return False if the tracker stays away."""
        self._has_left, self._delivery.ending = True, ending
        for _ in range(LAST_TRIES):
            try:
                self._delivery.deliver(is_last=True)
                return True
            except ConnectionError:
                continue
        return False
