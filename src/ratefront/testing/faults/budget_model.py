"""A second, simpler account of what a sweep spends, to test the engine's; it shares no code with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ratefront.history import events

#: How much later than it happens an engine may find that a budget or a grace period is over, in seconds: a driver tells
#: the time every second, and does one thing after another.
SLACK_S = 5.0

_OPENINGS = (events.Resumed, events.Reconfigured, events.Extended, events.Reopened)


class BudgetModel:
    """Follows a ledger entry by entry.

    Attributes:
        worked_s: The time at work so far, in seconds; pauses between drivers do not count.
        found_s: The time at work when the present driver found the budget spent; None where it did not.
    """

    def __init__(self) -> None:
        self.worked_s = 0.0
        self.found_s: float | None = None
        self._gpu_s = 0.0
        self._stopping = 0.0, 0.0  # seconds and GPU-seconds up to stops, which count once a driver goes on
        self._gpus: dict[str, float] = {}
        self._time: float | None = None
        self._budget: Mapping[str, Any] = {}

    def _at(self, time: float) -> tuple[float, float]:
        """Return the time at work and that of the GPUs at this moment, in seconds."""
        passed_s = 0.0 if self._time is None else max(0.0, time - self._time)
        stopping_s, stopping_gpu_s = self._stopping
        gpus = sum(self._gpus.values())
        return self.worked_s + stopping_s + passed_s, self._gpu_s + stopping_gpu_s + passed_s * gpus

    def is_over(self, time: float | None = None) -> bool:
        """Return whether the budget is spent at this moment, or at the last entry."""
        worked_s, gpu_s = self._at(self._time or 0.0 if time is None else time)
        return self._exceeds(worked_s, gpu_s)

    def _exceeds(self, worked_s: float, gpu_s: float) -> bool:
        hours, gpu_hours = self._budget.get("hours"), self._budget.get("gpu_hours")
        is_over = hours is not None and worked_s / 3600 >= hours
        return is_over or (gpu_hours is not None and gpu_s / 3600 >= gpu_hours)

    def is_grace_over(self, time: float, slack_s: float = 0.0) -> bool:
        """Return whether trials have had their time at this moment, since the budget was found spent."""
        if self.found_s is None:
            return False
        return self._at(time)[0] - self.found_s >= 60 * self._budget["grace_minutes"] + slack_s

    def follow(self, event: events.Event, time: float) -> Iterator[str]:
        """Take the next entry, before the trials change by it; yield what is wrong with it at this place."""
        if isinstance(event, _OPENINGS):
            self._stopping = 0.0, 0.0
        else:
            yield from self._objections(event, time)
            worked_s, gpu_s = self._at(time)
            if isinstance(event, events.Stopped):
                self._stopping = worked_s - self.worked_s, gpu_s - self._gpu_s
            else:
                self.worked_s, self._gpu_s, self._stopping = worked_s, gpu_s, (0.0, 0.0)
        self._time = time
        match event:
            case events.Created(_, spec):
                self._budget = spec["budget"]
            case events.Reconfigured(settings):
                self._budget = settings.get("budget", self._budget)
            case events.Resumed():
                self.found_s = None
                self._gpus.clear()
            case events.BudgetSpent(hours):
                self.found_s = 3600 * hours
            case events.Ended():
                self._gpus.clear()
            case events.Started(trial_id, _, _, gpus):
                self._gpus[trial_id] = gpus
            case events.Finished(trial_id) | events.Failed(trial_id):
                self._gpus.pop(trial_id, None)
            case events.Pruned(trial_id) | events.Stopped(trial_id):
                self._gpus.pop(trial_id, None)
            case _:
                pass

    def _objections(self, event: events.Event, time: float) -> Iterator[str]:
        name = type(event).__name__
        if isinstance(event, events.Planned | events.Started) and self.is_over():
            yield f"{name} comes although the budget is spent"
        if isinstance(event, events.BudgetSpent) and (self.found_s is not None or not self.is_over(time)):
            yield f"{name} comes twice, or before the budget is spent"
        if isinstance(event, events.Halted | events.Ended | events.BudgetSpent):
            return
        worked_s, gpu_s = self._at(time)
        gpus = sum(self._gpus.values())
        if self.found_s is None and self._exceeds(worked_s - SLACK_S, gpu_s - SLACK_S * gpus):
            yield f"{name} comes, and the engine has not found that the budget is spent"
        if self.is_grace_over(time, SLACK_S):
            yield f"{name} comes long after the budget was spent"
