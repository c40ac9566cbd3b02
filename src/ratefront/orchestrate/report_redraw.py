"""The report is redrawn while the sweep runs, beside it: never in its way, never the reason that it ends.

Then the files go that the sweep does not keep."""

from __future__ import annotations

import logging
import threading
import time

from ratefront.history.sweep_history import SweepHistory
from ratefront.report.write_report import DrawnReport, write_report
from ratefront.store.retention import apply_retention
from ratefront.store.sweep_folder import SweepFolder

_log = logging.getLogger(__name__)


class Redrawer:
    """Draws in a thread, at most every ``interval_s`` seconds and at most a tenth of the time."""

    def __init__(self, folder: SweepFolder, interval_s: float = 15.0) -> None:
        self._folder, self._interval_s = folder, interval_s
        self._thread: threading.Thread | None = None
        self._next_time, self._drawn_trials = time.monotonic() + interval_s, 0

    def maybe(self, history: SweepHistory) -> None:
        """Redraw if it is time and something new has ended."""
        is_busy = self._thread is not None and self._thread.is_alive()
        if is_busy or time.monotonic() < self._next_time:
            return
        if history.trials_ended == self._drawn_trials:
            return
        self._drawn_trials = history.trials_ended
        self._thread = threading.Thread(
            target=self._draw_live, args=(history,), name="ratefront-redraw", daemon=True
        )
        self._thread.start()

    def _draw_live(self, history: SweepHistory) -> None:
        start = time.monotonic()
        try:
            self._draw_and_clear(history)
        except Exception as error:
            _log.debug("the report could not be redrawn: %s", error)  # the last drawing says it, if it lasts
        took_s = time.monotonic() - start
        self._next_time = time.monotonic() + max(self._interval_s, 9 * took_s)

    def wait(self) -> None:
        if self._thread is not None:
            self._thread.join()

    def last(self, history: SweepHistory) -> DrawnReport:
        """Draw the report of the sweep as it ended; errors are raised."""
        self.wait()
        return self._draw_and_clear(history)

    def _draw_and_clear(self, history: SweepHistory) -> DrawnReport:
        """The report first: it reads what need not stay."""
        drawn = write_report(self._folder)
        apply_retention(self._folder, history)
        return drawn
