"""The state of a sweep, folded from its events: the one answer to "which trials exist and how did they end?"."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from ratefront import events
from ratefront.records import ENDED, Progress, Status, TrialParams, TrialResult


@dataclass
class TrialHistory:
    """Everything known of one trial."""

    number: int
    params: TrialParams
    planned_time: float
    status: Status = "planned"
    attempts: int = 0
    reason: str = ""
    started_time: float | None = None
    ended_time: float | None = None
    reports: list[Progress] = field(default_factory=list)
    result: TrialResult | None = None

    @property
    def ended(self) -> bool:
        return self.status in ENDED


@dataclass
class SweepHistory:
    """A sweep as its ledger tells it. Apply entries in order; reading the same entries gives the same history."""

    spec: dict[str, Any] = field(default_factory=dict)
    trials: dict[str, TrialHistory] = field(default_factory=dict)
    task_model: events.TaskModelReady | None = None
    created_time: float = 0.0
    last_time: float = 0.0
    ended: bool = False

    @classmethod
    def of(cls, entries: Iterable[events.Entry]) -> SweepHistory:
        history = cls()
        for entry in entries:
            history.apply(entry)
        return history

    def with_status(self, *statuses: Status) -> list[TrialHistory]:
        """The trials in these states, in the order in which they were planned."""
        trials = list(self.trials.values())  # a display may ask while the driver's thread adds one
        return [trial for trial in trials if trial.status in statuses]

    def apply(self, entry: events.Entry) -> None:
        """Fold one more event in.

        Raises
        ------
        ValueError
            The event speaks of a trial that was never planned, plans one twice, or ends one that has ended.
        """
        self.last_time = entry.time
        match entry.event:
            case events.Created() as event:
                self.spec, self.created_time = dict(event.spec), entry.time
            case events.TaskModelReady() as event:
                self.task_model = event
            case events.Planned() as event:
                self._plan(event, entry.time)
            case events.Resumed():
                self._forget_running()
            case events.Ended():
                self.ended = True
            case event:
                self._apply_to_trial(event, entry.time)

    def _plan(self, event: events.Planned, time: float) -> None:
        if event.trial_id in self.trials:
            raise ValueError(f"trial {event.trial_id} is planned twice")
        params = TrialParams(event.trial_id, event.seed, dict(event.values))
        self.trials[event.trial_id] = TrialHistory(event.number, params, time)
        self.ended = False

    def _forget_running(self) -> None:
        for trial in self.with_status("running"):
            trial.status, trial.reports = "planned", []

    def _apply_to_trial(
        self,
        event: events.Started | events.Reported | events.Finished | events.Failed | events.Stopped,
        time: float,
    ) -> None:
        trial = self.trials.get(event.trial_id)
        if trial is None:
            raise ValueError(f"trial {event.trial_id} was never planned")
        if trial.ended:
            raise ValueError(f"trial {event.trial_id} has already ended as {trial.status}")
        match event:
            case events.Started():
                trial.status, trial.attempts, trial.started_time, trial.reports = (
                    "running",
                    event.attempt,
                    time,
                    [],
                )
            case events.Reported():
                trial.reports.append(Progress(event.step, dict(event.metrics)))
            case events.Finished():
                trial.result = TrialResult.from_json(event.result)
                self._end(trial, trial.result.status, trial.result.reason, time)
            case events.Stopped():
                self._end(trial, "pruned", event.reason, time)
            case events.Failed() if event.final:
                self._end(trial, "failed", event.reason, time)
            case events.Failed():
                trial.status, trial.reason, trial.reports = "planned", event.reason, []

    @staticmethod
    def _end(trial: TrialHistory, status: Status, reason: str, time: float) -> None:
        trial.status, trial.reason, trial.ended_time = status, reason, time
