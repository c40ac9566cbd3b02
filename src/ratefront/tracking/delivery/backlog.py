"""Holds what was read from the ledger and is not delivered yet."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from ratefront.history import events
from ratefront.history.sweep_history import SweepHistory, TrialHistory
from ratefront.tracking.tracker_protocol import TimedReport, TrackedSweep


@dataclass
class _Undelivered:
    """What is new of a trial since its last delivery."""

    entries: int = 0
    reports: list[TimedReport] = field(default_factory=list)


class Backlog:
    """Folds entries into a history of its own, and remembers which trials have changed.

    A curve has one value for each metric and step. If an attempt repeats a step of an earlier, lost attempt, the first
    value is kept. A trial's results follow from its seed: both values are the same, and each replay keeps the same one.
    """

    def __init__(self) -> None:
        self.history = SweepHistory()
        self.sweep: TrackedSweep | None = None
        self._unfolded: deque[events.Entry] = deque()
        self._undelivered: dict[str, _Undelivered] = {}
        self._curve_steps: dict[str, set[tuple[str, int]]] = {}

    def __len__(self) -> int:
        """Return the number of entries that were read and not delivered."""
        return len(self._unfolded) + sum(trial.entries for trial in list(self._undelivered.values()))

    def add(self, entries: Iterable[events.Entry]) -> None:
        """Take entries and fold them. An entry that cannot be folded stays, with all that follow it.

        Raises:
            LedgerDamagedError: An entry contradicts the ones before it.
        """
        self._unfolded.extend(entries)
        while self._unfolded:
            self._fold(self._unfolded[0])
            self._unfolded.popleft()

    def _fold(self, entry: events.Entry) -> None:
        self.history.apply(entry)
        match entry.event:
            case events.Created() as event:
                self.sweep = TrackedSweep(event.sweep, entry.time, event.ratefront_version, event.spec)
            case events.Reported() as event:
                self._add_to_curves(event, entry.time)
            case events.Finished() | events.Pruned() | events.Stopped() as event:
                self._changed(event)
                self._curve_steps.pop(event.trial_id, None)  # never tried again; this saves memory
            case events.Started() | events.Failed() | events.Reopened() as event:
                self._changed(event)

    def _changed(self, event: events.TrialEvent) -> _Undelivered:
        trial = self._undelivered.setdefault(event.trial_id, _Undelivered())
        trial.entries += 1
        return trial

    def _add_to_curves(self, event: events.Reported, time: float) -> None:
        """Add those metrics of a report that its step does not have yet."""
        trial, known = self._changed(event), self._curve_steps.setdefault(event.trial_id, set())
        new = {name: value for name, value in event.metrics.items() if (name, event.step) not in known}
        known.update((name, event.step) for name in new)
        if new:
            trial.reports.append((time, replace(event, metrics=new)))

    def changed_trials(self) -> list[tuple[TrialHistory, list[TimedReport]]]:
        """Return the changed trials with their new reports, in the order of the changes. Postponed ones come last."""
        return [(self.history.trials[name], trial.reports) for name, trial in self._undelivered.items()]

    def delivered(self, trial_id: str) -> None:
        """Forget what was delivered of the trial."""
        del self._undelivered[trial_id]

    def postpone(self, trial_id: str) -> None:
        """Let the other trials go first: a trial that a tracker refuses must not delay them."""
        self._undelivered[trial_id] = self._undelivered.pop(trial_id)
