"""The state of a sweep, folded from its events: the one answer to "which trials exist and how did they end?"."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from ratefront import events
from ratefront.records import ENDED, Progress, Status, TrialParams, TrialResult


@dataclass
class TrialHistory:
    """Everything known of one trial.

    ``step`` is the last that the present attempt reported (0: none yet), ``furthest_step`` the last of all earlier
    attempts; ``setbacks`` counts the failed attempts since one got further, ``memory_failures`` those that ran out of
    memory. ``reports`` is the curve: an attempt that repeats a step takes its place and drops what came behind it.
    """

    number: int
    params: TrialParams
    planned_time: float
    status: Status = "planned"
    attempts: int = 0
    reason: str = ""
    error: str = ""
    step: int = 0
    furthest_step: int = 0
    setbacks: int = 0
    memory_failures: int = 0
    started_time: float | None = None
    ended_time: float | None = None
    reports: list[Progress] = field(default_factory=list)
    result: TrialResult | None = None

    @property
    def ended(self) -> bool:
        return self.status in ENDED

    @property
    def got_further(self) -> bool:
        """True where the present attempt has reported a step that no earlier one had reached."""
        return self.step > self.furthest_step

    def report(self, progress: Progress) -> None:
        while self.reports and self.reports[-1].step >= progress.step:
            self.reports.pop()
        self.reports.append(progress)
        self.step = progress.step

    def lose_attempt(self) -> None:
        """The present attempt is over without an end; what it reported stays."""
        self.furthest_step = max(self.furthest_step, self.step)
        self.step = 0


#: Errors that are not ours and still pass: Python's and torch's names for a memory that was full at the time.
OUT_OF_MEMORY = frozenset({"MemoryError", "OutOfMemoryError"})


@dataclass
class SweepHistory:
    """A sweep as its ledger tells it. Apply entries in order; reading the same entries gives the same history.

    ``counts`` has the number of trials in each state, ``ended_order`` the trials that have ended as they did.
    """

    spec: dict[str, Any] = field(default_factory=dict)
    trials: dict[str, TrialHistory] = field(default_factory=dict)
    task_model: events.TaskModelReady | None = None
    created_time: float = 0.0
    last_time: float = 0.0
    ended: bool = False
    extended_to: int | None = None
    counts: Counter[Status] = field(default_factory=Counter)
    ended_order: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, entries: Iterable[events.Entry]) -> SweepHistory:
        history = cls()
        for entry in entries:
            history.apply(entry)
        return history

    @property
    def trials_requested(self) -> int:
        """How many trials the sweep asks for by now."""
        return self.extended_to or int(self.spec.get("trials", len(self.trials)))

    @property
    def trials_ended(self) -> int:
        return len(self.ended_order)

    def with_status(self, *statuses: Status) -> list[TrialHistory]:
        """The trials in these states, in the order in which they were planned."""
        trials = list(self.trials.values())  # a display may ask while the driver's thread adds one
        return [trial for trial in trials if trial.status in statuses]

    def is_running(self, trial_id: str, attempt: int) -> bool:
        trial = self.trials[trial_id]
        return trial.status == "running" and trial.attempts == attempt

    def apply(self, entry: events.Entry) -> None:
        """Fold one more event in.

        Raises
        ------
        ValueError
            The event speaks of a trial that was never planned, plans one twice, ends one that has ended, or
            reopens one that has not failed.
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
                self._lose_running()
            case events.Extended(trials):
                self.extended_to, self.ended = trials, False
            case events.Reopened(trial_id):
                self._reopen(trial_id)
            case events.Ended():
                self.ended = True
            case event:
                self._apply_to_trial(event, entry.time)

    def _plan(self, event: events.Planned, time: float) -> None:
        if event.trial_id in self.trials:
            raise ValueError(f"trial {event.trial_id} is planned twice")
        params = TrialParams(event.trial_id, event.seed, dict(event.values))
        self.trials[event.trial_id] = TrialHistory(event.number, params, time)
        self.counts["planned"] += 1
        self.ended = False

    def _planned(self, trial_id: str) -> TrialHistory:
        if trial_id not in self.trials:
            raise ValueError(f"trial {trial_id} was never planned")
        return self.trials[trial_id]

    def _lose_running(self) -> None:
        for trial in self.with_status("running"):
            trial.lose_attempt()
            self._move(trial, "planned")

    def _reopen(self, trial_id: str) -> None:
        trial = self._planned(trial_id)
        if trial.status != "failed":
            raise ValueError(f"trial {trial_id} is {trial.status}: only a failed one can be reopened")
        self.ended_order.remove(trial_id)
        trial.reason, trial.error, trial.ended_time, trial.setbacks = "", "", None, 0
        self._move(trial, "planned")
        self.ended = False

    def _apply_to_trial(
        self,
        event: events.Started | events.Reported | events.Finished | events.Failed | events.Stopped,
        time: float,
    ) -> None:
        trial = self._planned(event.trial_id)
        if trial.ended:
            raise ValueError(f"trial {event.trial_id} has already ended as {trial.status}")
        match event:
            case events.Started():
                trial.attempts, trial.started_time = event.attempt, time
                self._move(trial, "running")
            case events.Reported():
                trial.report(Progress(event.step, event.metrics))
            case events.Finished():
                trial.result = TrialResult.from_json(event.result)
                self._end(trial, trial.result.status, trial.result.reason, time)
            case events.Stopped():
                self._end(trial, "pruned", event.reason, time)
            case events.Failed():
                self._fail(trial, event, time)

    def _fail(self, trial: TrialHistory, event: events.Failed, time: float) -> None:
        trial.setbacks = 0 if trial.got_further else trial.setbacks + 1
        trial.memory_failures += event.error in OUT_OF_MEMORY
        trial.error = event.error
        trial.lose_attempt()
        if event.final:
            self._end(trial, "failed", event.reason, time)
        else:
            trial.reason = event.reason
            self._move(trial, "planned")

    def _end(self, trial: TrialHistory, status: Status, reason: str, time: float) -> None:
        trial.reason, trial.ended_time = reason, time
        self.ended_order.append(trial.params.trial_id)
        self._move(trial, status)

    def _move(self, trial: TrialHistory, status: Status) -> None:
        self.counts[trial.status] -= 1
        trial.status = status
        self.counts[status] += 1
