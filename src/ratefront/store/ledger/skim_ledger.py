"""Reads a ledger for readers that need no curves: of all reports of an attempt only the last is parsed.

Nine of ten entries of a long sweep are reports, which say nothing that stays once their trial has ended. Each line's
checksum is compared nevertheless.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ratefront.history.events import Ended, Entry, Resumed, TrialEvent
from ratefront.history.pause_python_gc import garbage_collection_paused
from ratefront.history.sweep_history import SweepHistory
from ratefront.store.ledger.ledger_file import read_lines
from ratefront.store.ledger.ledger_format import LedgerLine


class SkimmedLedger:
    """The history of a ledger without the reports of ended trials, and the ledger's last entry (None in an empty one).

    Of a trial that has not ended, ``reports`` holds at most the last report of each attempt.

    Raises:
        LedgerDamagedError: A line that is not the torn last one cannot be read; names the entry and its byte.
        LedgerVersionError: A newer ratefront wrote the ledger.
    """

    def __init__(
        self,
        path: Path,
        *,
        on_entry: Callable[[Entry], None] = lambda entry: None,
        on_report: Callable[[str, float], None] = lambda trial_id, time: None,
    ) -> None:
        """Read the ledger. ``on_report`` gets trial and time of every report, ``on_entry`` all other entries."""
        self._on_entry, self._on_report = on_entry, on_report
        self.history = SweepHistory(keeps_curves=False)
        self._waiting: dict[str, LedgerLine] = {}  # the last report of each trial, which is not applied yet
        last: LedgerLine | None = None
        with garbage_collection_paused():
            for last in read_lines(path):
                self._take(last)
        for trial_id in list(self._waiting):
            self._apply_report(trial_id)
        self.last: Entry | None = None if last is None else last.entry()

    def _take(self, line: LedgerLine) -> None:
        report = line.report()
        if report is not None:
            trial_id, time = report
            self._waiting[trial_id] = line
            self.history.pass_over_report(time)
            self._on_report(trial_id, time)
            return
        entry = line.entry()
        # How far a lost attempt got decides whether it is tried again.
        if isinstance(entry.event, Resumed | Ended):
            for trial_id in list(self._waiting):
                self._apply_report(trial_id)
        elif isinstance(entry.event, TrialEvent):
            self._apply_report(entry.event.trial_id)
        self.history.apply(entry)
        self._on_entry(entry)

    def _apply_report(self, trial_id: str) -> None:
        line = self._waiting.pop(trial_id, None)
        if line is not None:
            self.history.apply_report(line.entry())
