"""A tracker whose server is away now and then."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

from ratefront.history.sweep_history import TrialHistory
from ratefront.tracking.tracker_protocol import (
    FrontCodec,
    ParetoRank,
    Provenance,
    TrackedEnding,
    TrackedSweep,
    Tracker,
    TrialUpdate,
)


class UnreliableTracker:
    """Passes calls on to another tracker.

    While ``is_away`` every call raises a ``ConnectionError``, half of them only after they have been carried out.
    """

    parallel_calls = 1  # virtual time has one thread

    def __init__(self, tracker: Tracker, random: Random) -> None:
        self.is_away = False
        self._tracker, self._random = tracker, random

    def open_sweep(self, sweep: TrackedSweep, *, running: bool) -> None:
        """Pass the call on."""
        self._call(lambda: self._tracker.open_sweep(sweep, running=running))

    def describe_sweep(self, provenance: Provenance) -> None:
        """Pass the call on."""
        self._call(lambda: self._tracker.describe_sweep(provenance))

    def show_trial(self, update: TrialUpdate) -> None:
        """Pass the call on."""
        self._call(lambda: self._tracker.show_trial(update))

    def leave_trial(self, trial: TrialHistory, pareto_rank: ParetoRank | None, time: float) -> None:
        """Pass the call on."""
        self._call(lambda: self._tracker.leave_trial(trial, pareto_rank, time))

    def keep_codec(self, codec: FrontCodec) -> None:
        """Pass the call on."""
        self._call(lambda: self._tracker.keep_codec(codec))

    def mark_codecs(self, front: Sequence[str]) -> None:
        """Pass the call on."""
        self._call(lambda: self._tracker.mark_codecs(front))

    def close_sweep(self, ending: TrackedEnding, time: float) -> None:
        """Pass the call on."""
        self._call(lambda: self._tracker.close_sweep(ending, time))

    def _call(self, call: Callable[[], None]) -> None:
        if not self.is_away:
            call()
            return
        if self._random.random() < 0.5:
            call()
        raise ConnectionError("the tracking server is away")
