"""A tracker that is away now and then, and the follower that tries it again: its delivery, in virtual time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

from ratefront.history.events import Entry
from ratefront.history.sweep_history import TrialHistory
from ratefront.simulate.virtual_clock import Clock
from ratefront.tracking.delivery.deliver import Delivery
from ratefront.tracking.memory_tracker import InMemoryTracker
from ratefront.tracking.tracker_protocol import (
    FrontCodec,
    ParetoRank,
    Provenance,
    TrackedEnding,
    TrackedSweep,
    Tracker,
    TrialUpdate,
)

SETTLE_S, RETRY_S = 2.0, 15.0

#: How often a driver that leaves tries to deliver what is left.
LAST_TRIES = 3


class MoodyTracker:
    """While ``is_away`` every call raises, half of them only after they have been carried out."""

    parallel_calls = 1  # virtual time has one thread

    def __init__(self, random: Random) -> None:
        self.kept, self.is_away, self._random = InMemoryTracker(), False, random

    def open_sweep(self, sweep: TrackedSweep, *, running: bool) -> None:
        self._answer(lambda: self.kept.open_sweep(sweep, running=running))

    def describe_sweep(self, provenance: Provenance) -> None:
        self._answer(lambda: self.kept.describe_sweep(provenance))

    def show_trial(self, update: TrialUpdate) -> None:
        self._answer(lambda: self.kept.show_trial(update))

    def leave_trial(self, trial: TrialHistory, pareto_rank: ParetoRank | None, time: float) -> None:
        self._answer(lambda: self.kept.leave_trial(trial, pareto_rank, time))

    def keep_codec(self, codec: FrontCodec) -> None:
        self._answer(lambda: self.kept.keep_codec(codec))

    def mark_codecs(self, front: Sequence[str]) -> None:
        self._answer(lambda: self.kept.mark_codecs(front))

    def close_sweep(self, ending: TrackedEnding, time: float) -> None:
        self._answer(lambda: self.kept.close_sweep(ending, time))

    def _answer(self, call: Callable[[], None]) -> None:
        if not self.is_away:
            call()
            return
        if self._random.random() < 0.5:
            call()
        raise ConnectionError("the tracking server is away")


class Following:
    """One driver's follower."""

    def __init__(self, read_new: Callable[[], list[Entry]], tracker: Tracker, clock: Clock) -> None:
        self._delivery, self._clock = Delivery(read_new, tracker), clock
        self._is_waiting = self._has_left = False

    def changed(self) -> None:
        """The ledger has grown: look at it soon."""
        if not self._is_waiting:
            self._is_waiting = True
            self._clock.after(SETTLE_S, self._look)

    def _look(self) -> None:
        if self._has_left:
            return
        try:
            self._delivery.deliver(is_last=False)
            self._is_waiting = False
        except ConnectionError:
            self._clock.after(RETRY_S, self._look)

    def die(self) -> None:
        """The driver has died, and its thread with it."""
        self._has_left = True

    def close(self, ending: TrackedEnding) -> bool:
        """Deliver what is left and close the sweep; False where the tracker stays away."""
        self._has_left, self._delivery.ending = True, ending
        for _ in range(LAST_TRIES):
            try:
                self._delivery.deliver(is_last=True)
                return True
            except ConnectionError:
                continue
        return False
