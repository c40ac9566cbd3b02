"""Brings what a ledger says to a tracker. No thread and no clock in here: the caller says when, and when again."""

from __future__ import annotations

from collections.abc import Callable

from ratefront.events import Entry
from ratefront.tracking.backlog import Backlog
from ratefront.tracking.protocol import Closing, TrackedSweep, Tracker


class Delivery:
    """Delivers every entry of a ledger to a tracker, from the first one on.

    ``read_new`` gives the entries that were appended since its last call, beginning with entry 0. Where ``deliver``
    raises it is called again later: it repeats what failed and goes on with all that came since. A trial that the
    tracker refuses does not hold up the others. Every call to a tracker may be repeated, so that a delivery that
    starts again from entry 0 (a resumed sweep) doubles nothing. ``closing`` is what the last call closes the sweep
    with; None leaves it open.
    """

    def __init__(self, read_new: Callable[[], list[Entry]], tracker: Tracker) -> None:
        self._read_new, self._tracker = read_new, tracker
        self._backlog = Backlog()
        self._is_open = self._shows_running = self._is_abandoned = False
        self.closing: Closing | None = None

    @property
    def undelivered(self) -> int:
        """Entries that were read and not delivered."""
        return len(self._backlog)

    def abandon(self) -> None:
        """Let the present call of ``deliver``, in another thread, end at the next trial."""
        self._is_abandoned = True

    def deliver(self, is_last: bool) -> None:
        """Deliver all that is new; ``is_last`` also closes the sweep.

        Raises
        ------
        Exception
            Whatever the tracker, or reading the ledger, runs into.
        """
        try:
            self._deliver(is_last)
        except Exception:
            self._is_open = False
            raise

    def _deliver(self, is_last: bool) -> None:
        self._backlog.add(self._read_new())
        if self._backlog.sweep is None:
            return
        self._open(self._backlog.sweep)
        self._deliver_trials()
        if is_last and self.closing is not None:
            # The ledger's time, not the clock's: closing the same ledger again adds no point.
            self._tracker.close_sweep(self.closing, self._backlog.history.last_time)

    def _open(self, sweep: TrackedSweep) -> None:
        """Once, and once more where a sweep that had ended goes on (more trials, or failed ones again)."""
        running = not self._backlog.history.ended
        if not self._is_open or (running and not self._shows_running):
            self._tracker.open_sweep(sweep, running=running)
            self._is_open, self._shows_running = True, running

    def _deliver_trials(self) -> None:
        for trial, readings in self._backlog.waiting():
            if self._is_abandoned:
                raise TimeoutError("the driver waits no longer")
            try:
                self._tracker.show_trial(trial, readings)
            except Exception:
                self._backlog.put_off(trial.params.trial_id)
                raise
            self._backlog.delivered(trial.params.trial_id)
