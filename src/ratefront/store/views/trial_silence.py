"""Which running trials have not reported for unusually long. Nothing is done about it: a person may want to look."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Mapping
from statistics import median
from typing import NamedTuple

from ratefront.history import events
from ratefront.history.sweep_history import TrialHistory

#: Silence is unusual beyond so many times the usual one of trials of the same family, and never below a minute.
UNUSUAL_FACTOR, UNUSUAL_LEAST_S = 10.0, 60.0

#: Where no trial of the family has reported yet, silence is unusual beyond an hour.
UNUSUAL_UNKNOWN_S = 3600.0

#: The usual silence is the median of so many last ones.
WINDOW = 200


class _SignOfLife(NamedTuple):
    time: float
    kind: type[events.Started | events.Reported | events.Finished]


class ReportTimes:
    """Follows a ledger entry by entry: when each trial gave a sign of life, and how long its like are silent.

    A trial is silent from its start to its first report, between two reports, and from its last report to its result.
    The three are kept apart, because data are loaded in the first, and the codec is measured in the last.
    """

    def __init__(self) -> None:
        self._families: dict[str, str] = {}
        self._last: dict[str, _SignOfLife] = {}
        self._silences_s: Mapping[tuple[str, str], deque[float]] = defaultdict(lambda: deque(maxlen=WINDOW))

    def apply(self, entry: events.Entry) -> None:
        """Take the next entry of the ledger."""
        event = entry.event
        if isinstance(event, events.Planned):
            self._families[event.trial_id] = str(event.values.get("family", ""))
        elif isinstance(event, events.Reported):
            self.hear_report(event.trial_id, entry.time)
        elif isinstance(event, events.Started | events.Finished):
            self._hear_of(event.trial_id, _SignOfLife(entry.time, type(event)))

    def hear_report(self, trial_id: str, time: float) -> None:
        """Take the next entry of the ledger, which is a report: more need not be known of it."""
        self._hear_of(trial_id, _SignOfLife(time, events.Reported))

    def _hear_of(self, trial_id: str, sign: _SignOfLife) -> None:
        before = self._last.get(trial_id)
        self._last[trial_id] = sign
        if before is not None and sign.kind is not events.Started:
            self._silences_s[self._families.get(trial_id, ""), _phase(before, sign)].append(
                sign.time - before.time
            )

    def unusual_silence_s(self, trial: TrialHistory, now: float) -> float | None:
        """For how many seconds a running trial has not reported; None where that is not unusual."""
        last = self._last.get(trial.params.trial_id)
        silent_s = 0.0 if last is None else now - last.time
        phases = ("next", "end") if trial.step else ("first",)
        known = [self._silences_s[trial.params.family, phase] for phase in phases]
        usual_s = max((median(silences_s) for silences_s in known if silences_s), default=None)
        longest_s = UNUSUAL_UNKNOWN_S if usual_s is None else max(UNUSUAL_LEAST_S, UNUSUAL_FACTOR * usual_s)
        return silent_s if silent_s > longest_s else None


def _phase(before: _SignOfLife, after: _SignOfLife) -> str:
    if before.kind is events.Started:
        return "first"
    return "next" if after.kind is events.Reported else "end"
