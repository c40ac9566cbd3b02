"""Redraws the report in a thread while the sweep runs. It neither delays the sweep nor ends it.

After each drawing, the files that the sweep does not keep are deleted.
"""

from __future__ import annotations

import logging
import threading
import time

from ratefront.history.sweep_history import SweepHistory
from ratefront.report.write_report import DrawnReport, write_report
from ratefront.store.kept_trial_files import apply_retention
from ratefront.store.sweep_folder import SweepFolder

_log = logging.getLogger(__name__)


class Redrawer:
    """Draws in a thread: at most every ``interval_s`` seconds, and for at most a tenth of the time."""

    def __init__(self, folder: SweepFolder, interval_s: float = 15.0) -> None:
        self._folder, self._interval_s = folder, interval_s
        self._thread: threading.Thread | None = None
        self._next_time, self._drawn_trials = time.monotonic() + interval_s, 0

    def draw_if_due(self, history: SweepHistory) -> None:
        """Start a drawing if the interval has passed and more trials have ended."""
        is_busy = self._thread is not None and self._thread.is_alive()
        if is_busy or time.monotonic() < self._next_time:
            return
        if len(history.ended_order) == self._drawn_trials:
            return
        self._drawn_trials = len(history.ended_order)
        # The driver goes on while the thread draws. To read a long ledger again would take seconds and much memory.
        shown = history.snapshot()
        self._thread = threading.Thread(
            target=self._draw_live, args=(shown,), name="ratefront-redraw", daemon=True
        )
        self._thread.start()

    def _draw_live(self, history: SweepHistory) -> None:
        start = time.monotonic()
        try:
            self._draw_and_clear(history)
        except Exception as error:
            _log.debug(
                "the report could not be redrawn: %s", error
            )  # if the cause lasts, draw_final raises it
        took_s = time.monotonic() - start
        self._next_time = time.monotonic() + max(self._interval_s, 9 * took_s)

    def wait(self) -> None:
        """Wait until the present drawing has ended."""
        if self._thread is not None:
            self._thread.join()

    def draw_final(self, history: SweepHistory) -> DrawnReport:
        """Draw the report of the sweep as it ended. Errors are raised."""
        self.wait()
        return self._draw_and_clear(history)

    def _draw_and_clear(self, history: SweepHistory) -> DrawnReport:
        """Draw first, then delete: the report reads files that need not stay."""
        drawn = write_report(self._folder, history)
        apply_retention(self._folder, history)
        return drawn
