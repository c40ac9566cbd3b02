"""Holds what was read from the ledger and is not delivered yet."""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice

from ratefront.history import events
from ratefront.history.sweep_history import SweepHistory
from ratefront.tracking.tracker_protocol import TimedReport, TrackedSweep


class _Reports:
    """The reports of a trial as numbers in a row: as objects, those of a long sweep take hundreds of megabytes."""

    def __init__(self) -> None:
        self._names: list[tuple[str, ...]] = []  # the metrics of each report; equal ones are one object
        self._numbers = array("d")  # of each report: time, attempt, step, and the value of each metric

    def add(self, time: float, report: events.Reported) -> None:
        names = tuple(report.metrics)
        self._names.append(self._names[-1] if self._names and self._names[-1] == names else names)
        self._numbers.extend((time, report.attempt, report.step, *report.metrics.values()))

    def of(self, trial_id: str) -> Iterator[TimedReport]:
        numbers = iter(self._numbers)
        for names in self._names:
            time, attempt, step = islice(numbers, 3)
            metrics = dict(zip(names, islice(numbers, len(names)), strict=True))
            yield time, events.Reported(trial_id, int(attempt), int(step), metrics)


@dataclass
class _Undelivered:
    """What is new of a trial since its last delivery."""

    entries: int = 0
    reports: _Reports = field(default_factory=_Reports)


class Backlog:
    """Folds entries into a history of its own, and remembers which trials have changed.

    A curve has one value for each metric and step. If an attempt repeats a step of an earlier, lost attempt, the first
    value is kept. A trial's results follow from its seed: both values are the same, and each replay keeps the same one.
    """

    def __init__(self) -> None:
        self.history = SweepHistory(keeps_curves=False)
        self.sweep: TrackedSweep | None = None
        self._unfolded: deque[events.Entry] = deque()
        self._undelivered: dict[str, _Undelivered] = {}
        self._curve_steps: dict[str, set[tuple[str, int]]] = {}

    def __len__(self) -> int:
        """Return the number of entries that were read and not delivered."""
        return len(self._unfolded) + sum(trial.entries for trial in list(self._undelivered.values()))

    def add(
        self, entries: Iterable[events.Entry], check_abandoned: Callable[[], None] = lambda: None
    ) -> None:
        """Take entries and fold them, one after the other. An entry that cannot be folded stays, and no more are taken.

        ``check_abandoned`` may raise between two entries; those that are not taken yet are left to a later call.

        Raises:
            LedgerDamagedError: An entry contradicts the ones before it.
        """
        self._fold_all()
        for entry in entries:
            self._unfolded.append(entry)
            self._fold_all()
            check_abandoned()

    def _fold_all(self) -> None:
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
            trial.reports.add(time, replace(event, metrics=new))

    def changed_trials(self) -> list[str]:
        """Return the changed trials in the order of the changes. Postponed ones come last."""
        return list(self._undelivered)

    def reports(self, trial_id: str) -> list[TimedReport]:
        """Return the new reports of a changed trial."""
        return list(self._undelivered[trial_id].reports.of(trial_id))

    def delivered(self, trial_id: str) -> None:
        """Forget what was delivered of the trial."""
        del self._undelivered[trial_id]

    def postpone(self, trial_id: str) -> None:
        """Let the other trials go first: a trial that a tracker refuses must not delay them."""
        self._undelivered[trial_id] = self._undelivered.pop(trial_id)
