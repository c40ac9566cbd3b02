"""How many slots compute, over time."""

from __future__ import annotations

from ratefront.simulate.virtual_time.virtual_clock import VirtualClock


class SlotOccupancy:
    """Slot seconds that were spent in trials.

    Attributes:
        slot_seconds: In all.
        slot_seconds_at_last_start: Up to the last start; until then there was work for every slot.
        last_start_s: When the last worker was started for a trial.
        at_stop: By trial and attempt, the slot seconds up to the moment when the attempt's worker stopped.
    """

    def __init__(self, clock: VirtualClock) -> None:
        self._clock, self._busy, self._since_s = clock, 0, 0.0
        self.slot_seconds = self.slot_seconds_at_last_start = self.last_start_s = 0.0
        self.at_stop: dict[tuple[str, int], float] = {}

    def change(self, workers: int) -> None:
        """From now on, compute with ``workers`` more (or fewer, if negative)."""
        self._count()
        self._busy += workers

    def trial_started(self) -> None:
        """Note that a worker was started for a trial just now."""
        self._count()
        self.slot_seconds_at_last_start, self.last_start_s = self.slot_seconds, self._clock.now

    def attempt_stopped(self, trial_id: str, attempt: int) -> None:
        """Note that this attempt's worker has just stopped."""
        self._count()
        self.at_stop[trial_id, attempt] = self.slot_seconds

    def _count(self) -> None:
        self.slot_seconds += self._busy * (self._clock.now - self._since_s)
        self._since_s = self._clock.now
