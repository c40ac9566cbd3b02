"""What a follower has read from the ledger and not yet delivered."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from ratefront.history import events
from ratefront.history.sweep_history import SweepHistory, TrialHistory
from ratefront.tracking.tracker_protocol import TimedReport, TrackedSweep


@dataclass
class _Waiting:
    """A trial that has changed since it was last delivered."""

    entries: int = 0
    reports: list[TimedReport] = field(default_factory=list)


class Backlog:
    """Folds entries into a history of its own and remembers which trials have update.

    A curve has one value a metric and step: where an attempt repeats a step of an earlier, lost one, the
    first is kept. A trial's work follows from its seed, so that both say the same, and every replay keeps the
    same point.
    """

    def __init__(self) -> None:
        self.history = SweepHistory()
        self.sweep: TrackedSweep | None = None
        self._unfolded: deque[events.Entry] = deque()
        self._waiting: dict[str, _Waiting] = {}
        self._charted: dict[str, set[tuple[str, int]]] = {}

    def __len__(self) -> int:
        """Entries that were read and not delivered."""
        return len(self._unfolded) + sum(trial.entries for trial in list(self._waiting.values()))

    def add(self, entries: Iterable[events.Entry]) -> None:
        """Take entries in and fold them; one that cannot be folded stays, with all behind it.

        Raises:
            ValueError: An entry contradicts the ones before it.
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
                self._chart(event, entry.time)
            case events.Finished() | events.Pruned() | events.Stopped() as event:
                self._news_of(event)
                self._charted.pop(
                    event.trial_id, None
                )  # it is never tried again, and many trials make much memory
            case events.Started() | events.Failed() | events.Reopened() as event:
                self._news_of(event)

    def _news_of(self, event: events.TrialEvent) -> _Waiting:
        waiting = self._waiting.setdefault(event.trial_id, _Waiting())
        waiting.entries += 1
        return waiting

    def _chart(self, event: events.Reported, time: float) -> None:
        """Of what a step says, what it has not said before."""
        update, charted = self._news_of(event), self._charted.setdefault(event.trial_id, set())
        new = {name: value for name, value in event.metrics.items() if (name, event.step) not in charted}
        charted.update((name, event.step) for name in new)
        if new:
            update.reports.append((time, replace(event, metrics=new)))

    def waiting(self) -> list[tuple[TrialHistory, list[TimedReport]]]:
        """The trials with update, in the order in which these came; one that was put off comes last."""
        return [(self.history.trials[name], update.reports) for name, update in self._waiting.items()]

    def delivered(self, trial_id: str) -> None:
        del self._waiting[trial_id]

    def put_off(self, trial_id: str) -> None:
        """Let the others go first: a trial that a tracker refuses must not hold up the rest."""
        self._waiting[trial_id] = self._waiting.pop(trial_id)
