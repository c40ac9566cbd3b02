"""How many slots compute, over time."""

from __future__ import annotations

from ratefront.simulate.virtual_clock import Clock


class Occupancy:
    """Slot seconds spent in computing: in all, and up to the last start, when there still was work for every slot."""

    def __init__(self, clock: Clock) -> None:
        self._clock, self._busy, self._since_s = clock, 0, 0.0
        self.slot_seconds = self.slot_seconds_at_last_start = self.last_start_s = 0.0

    def change(self, workers: int) -> None:
        """So many more compute from now on, or fewer."""
        self._count()
        self._busy += workers

    def started(self) -> None:
        """A trial was given out just now."""
        self._count()
        self.slot_seconds_at_last_start, self.last_start_s = self.slot_seconds, self._clock.now

    def _count(self) -> None:
        self.slot_seconds += self._busy * (self._clock.now - self._since_s)
        self._since_s = self._clock.now
