"""A second, simpler model of what a ledger may hold and which events the engine must return, to test the engine.

It shares no code with ``engine`` and ``history``, so that a mistake there is not repeated here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from ratefront.engine.messages import EngineMessage, StopRequested, TimedOut, TimePassed, TrialMessage
from ratefront.errors import WorkerLostError
from ratefront.history import events
from ratefront.testing.faults.models.end_rule_model import EndRuleModel
from ratefront.testing.faults.models.repeat_model import RepeatModel

Status: TypeAlias = Literal["planned", "running", "finished", "failed", "pruned", "stopped"]

#: Errors of the simulation that are worth another try.
RETRYABLE = (WorkerLostError.__name__, "OutOfMemoryError")


@dataclass
class TrialModel:
    """A trial as the ledger's events describe it.

    Attributes:
        status: Where it stands, or how it ended.
        attempts: The number of the last attempt.
        step: The last step that this attempt reported.
        furthest: The furthest step of the attempts before it.
        setbacks: Failed attempts since one got further than all before.
        is_spared: Whether the search would have stopped it.
        is_repeat: Whether it comes on top of the requested trials.
    """

    status: Status = "planned"
    attempts: int = 0
    step: int = 0
    furthest: int = 0
    setbacks: int = 0
    is_spared: bool = False
    is_repeat: bool = False

    @property
    def has_ended(self) -> bool:
        """Whether it has ended; only a person can reopen it."""
        return self.status not in ("planned", "running")

    def lose_attempt(self) -> None:
        """Forget the attempt; how far it got still counts."""
        self.furthest, self.step = max(self.furthest, self.step), 0


#: How much later than it happens an engine may find that a budget or a grace period is over, in seconds: a driver tells
#: the time every second, and does one thing after another.
SLACK_S = 5.0

_OPENINGS = (events.Resumed, events.Reconfigured, events.Extended, events.Reopened)


class BudgetModel:
    """What a sweep spends; follows a ledger entry by entry.

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
        return self._at(time)[0] - self.found_s >= 60 * float(self._budget["grace_minutes"]) + slack_s

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
        self._take(event)

    def _take(self, event: events.Event) -> None:
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
            case events.Finished() | events.Failed() | events.Pruned() | events.Stopped():
                self._gpus.pop(event.trial_id, None)
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


class ReferenceModel:
    """Follows a ledger entry by entry.

    Attributes:
        requested: How many trials are requested by now.
        trials: Each trial, as the events so far describe it.
        last: The last event.
    """

    def __init__(
        self,
        requested: int,
        retries: int,
        first_alone: bool,
        most: float,
        repeats: RepeatModel,
        end_rule: EndRuleModel | None = None,
        rungs: frozenset[int] = frozenset(),
    ) -> None:
        """Begin before the first entry.

        Args:
            requested: How many trials are requested.
            retries: How many setbacks a trial may have.
            first_alone: Until one trial has finished, no two run at the same time.
            most: How many trials the space can give, apart from repeats.
            repeats: Follows which configurations are to be repeated.
            end_rule: When the sweep is to end before its last trial; None: never.
            rungs: The epochs after which the search may stop a trial.
        """
        self.requested, self._retries, self._first_alone = requested, retries, first_alone
        self._most, self._repeats, self._rungs = most, repeats, rungs
        self._budget = BudgetModel()
        self._to_try_first: list[Mapping[str, Any]] = []
        self._end_rule = end_rule or EndRuleModel({})
        self.trials: dict[str, TrialModel] = {}
        self.last: events.Event | None = None

    def follow(self, event: events.Event, time: float) -> Iterator[str]:
        """Take the next event, which was written at ``time``; yield what is wrong with it at this place."""
        is_grace_over = self._budget.is_grace_over(time)
        yield from self._budget.follow(event, time)
        yield from self._end_rule.follow(event)
        if isinstance(self.last, events.Halted) and not isinstance(
            event, events.Resumed | events.Reconfigured
        ):
            yield f"{type(event).__name__} comes after the driver has left"
        before, self.last = self.last, event
        self._repeats.follow(event)
        if isinstance(event, events.Pruned | events.Spared):
            yield from self._stopping_objections(event, before)
        match event:
            case events.Known() | events.Planned():
                yield from self._follow_plan(event)
            case events.Resumed():
                self._lose_attempts()
            case events.Extended(trials):
                if trials <= self.requested:
                    yield f"the sweep is extended from {self.requested} to {trials} trials"
                self.requested = trials
            case events.Ended():
                yield from self._end_objections(event, time, is_grace_over)
                self._lose_attempts()
            case events.Started() | events.Reported() | events.Finished() | events.Failed():
                yield from self._follow_trial(event)
            case events.Pruned() | events.Spared() | events.Stopped() | events.Reopened():
                yield from self._follow_trial(event)
            case _:
                pass

    def _stopping_objections(
        self, event: events.Pruned | events.Spared, before: events.Event | None
    ) -> Iterator[str]:
        """Yield what is wrong with the place at which the search stops a trial, or would.

        It does so when the trial has reported, or before its next attempt begins.
        """
        trial = self.trials.setdefault(event.trial_id, TrialModel())
        has_just_reported = (
            isinstance(before, events.Reported)
            and (before.trial_id, before.attempt, before.step) == (event.trial_id, event.attempt, event.rung)
        )  # fmt: skip
        waits = trial.status == "planned" and 0 < event.rung <= trial.furthest
        if event.rung not in self._rungs or not (has_just_reported or waits):
            yield f"{type(event).__name__} comes for {event.trial_id} at {event.rung}, after {before}: it is no rung"

    def _follow_plan(self, event: events.Known | events.Planned) -> Iterator[str]:
        """Follow what is planned, and before all plans what is to be planned first."""
        if isinstance(event, events.Known):
            if self.trials or self._to_try_first:
                yield "Known comes twice, or after the first trial was planned"
            self._to_try_first = [dict(values) for values in event.start_with]
            return
        trial_id, number, planned = event.trial_id, event.number, len(self.trials)
        has_point = bool(self._to_try_first) and not event.repeat_of
        if has_point and self._to_try_first.pop(0) != event.values:
            yield f"{trial_id} is not the point that is to be tried next, but {dict(event.values)}"
        if number != planned or trial_id != f"t{number:04d}":
            yield f"{trial_id}, number {number}, is planned where {planned} are"
        yield from self._repeats.objections(event, self._is_search_over(), self.requested)
        self.trials[trial_id] = TrialModel(is_repeat=bool(event.repeat_of))

    def _end_objections(self, event: events.Ended, time: float, is_grace_over: bool) -> Iterator[str]:
        ended, running = self._number_ended(), self._number_running()
        if event.is_budget_spent and event.is_rule_met:
            yield "the sweep ends for two reasons"
        if (event.is_budget_spent or event.is_rule_met) == self._all_ended():
            yield f"the sweep ends with {ended} of {self.requested} trials ended"
        if event.is_budget_spent and not self._budget.is_over(time):
            yield "the sweep ends before its budget is spent"
        if event.is_rule_met and not self._end_rule.is_met:
            yield "the sweep ends before end_when was found to hold"
        if event.is_rule_met and self._are_repeats_left():
            yield "the sweep ends because end_when holds, and repeats are left"
        if running and not is_grace_over:
            yield f"the sweep ends while {running} trials run, which may still end"

    def _lose_attempts(self) -> None:
        for trial in self.trials.values():
            if trial.status == "running":
                trial.status = "planned"
                trial.lose_attempt()

    def _number_ended(self) -> int:
        return sum(trial.has_ended for trial in self.trials.values())

    def _number_running(self) -> int:
        return sum(trial.status == "running" for trial in self.trials.values())

    def _suggested(self) -> list[TrialModel]:
        return [trial for trial in self.trials.values() if not trial.is_repeat]

    def _all_suggested_ended(self) -> bool:
        return sum(trial.has_ended for trial in self._suggested()) >= min(self.requested, self._most)

    def _is_search_over(self) -> bool:
        """Return whether all trials have ended that are no repeats, or none of them runs and none is to begin."""
        runs = any(trial.status == "running" for trial in self._suggested())
        return self._all_suggested_ended() or (self._end_rule.is_met and not runs)

    def _all_ended(self) -> bool:
        is_over = self._all_suggested_ended() and self._number_ended() == len(self.trials)
        return is_over and not self._repeats.left(self.requested)

    def _are_repeats_left(self) -> bool:
        """Return whether a repeat is left to a sweep that ``end_when`` ends."""
        are_open = any(trial.is_repeat and not trial.has_ended for trial in self.trials.values())
        return are_open or self._repeats.left(self.requested, only_begun=True) > 0

    def _follow_trial(self, event: events.TrialEvent) -> Iterator[str]:
        trial = self.trials.setdefault(event.trial_id, TrialModel())
        if objection := self._objection(event, trial):
            yield f"{type(event).__name__} comes for {event.trial_id}, {trial}: {objection}"
        match event:
            case events.Started():
                trial.status, trial.attempts = "running", event.attempt
                statuses = [other.status for other in self.trials.values()]
                if self._first_alone and "finished" not in statuses and statuses.count("running") > 1:
                    yield f"{event.trial_id} starts before the trial that is to be measured alone has finished"
            case events.Reported():
                trial.step = event.step
            case events.Finished():
                trial.status = "finished"
            case events.Pruned():
                trial.status = "pruned"
            case events.Spared():
                trial.is_spared = True
            case events.Stopped():
                trial.status = "stopped"
            case events.Reopened():
                trial.status, trial.setbacks = "planned", 0
            case events.Failed():
                trial.setbacks = 0 if trial.step > trial.furthest else trial.setbacks + 1
                trial.status = "failed" if event.final else "planned"
                trial.lose_attempt()

    def _objection(self, event: events.TrialEvent, trial: TrialModel) -> str:
        """Return why this event cannot come now, or the empty string."""
        if isinstance(event, events.Reopened):
            return "" if trial.status == "failed" else "it has not failed"
        is_due = trial.status == "planned" and event.attempt == trial.attempts + 1
        is_last = event.attempt == trial.attempts
        runs = trial.status == "running" and is_last
        waits = isinstance(event, events.Pruned | events.Spared) and trial.status == "planned" and is_last
        fails_as_due = isinstance(event, events.Failed) and event.final == self._is_final(event.error, trial)
        rules = {
            "it has ended": not trial.has_ended,
            "another attempt is due": is_due or not isinstance(event, events.Started),
            "it is of another attempt": is_last or not isinstance(event, events.Stopped),
            "this attempt does not run": runs or waits or isinstance(event, events.Started | events.Stopped),
            "it was spared before": not (isinstance(event, events.Spared) and trial.is_spared),
            "the step is an old one": not isinstance(event, events.Reported) or event.step > trial.step,
            "whether it is tried again is wrong": fails_as_due or not isinstance(event, events.Failed),
        }
        return next((objection for objection, holds in rules.items() if not holds), "")

    def _is_final(self, error: str, trial: TrialModel) -> bool:
        return error not in RETRYABLE or (trial.step <= trial.furthest and trial.setbacks >= self._retries)

    def expected_events(self, message: EngineMessage, is_valid: bool) -> tuple[type[events.Event], ...]:
        """Return the events that a message must lead to now; ``is_valid``: what it reports is a measurement."""
        if isinstance(message, TimePassed):
            return self._expected_at(message.time)
        return self._expected_of_trial(message, is_valid)

    def _expected_of_trial(self, message: TrialMessage, is_valid: bool) -> tuple[type[events.Event], ...]:
        trial = self.trials.get(message.trial_id)
        if trial is None or trial.has_ended:
            return ()
        if isinstance(message, StopRequested):
            return (events.Stopped,)
        runs = trial.status == "running" and message.attempt == trial.attempts
        is_barred = self._budget.is_over() or (self._end_rule.is_met and not trial.is_repeat)
        may_begin = trial.status == "planned" and not is_barred
        is_next = may_begin and message.attempt == trial.attempts + 1
        expected: type[events.Event]
        match message:
            case events.Started():
                return (events.Started,) if is_next else ()
            case events.Failed() if is_next:
                return (events.Started, events.Failed)
            case events.Failed() | TimedOut():
                expected = events.Failed
            case events.Reported() if message.step <= trial.step:
                return ()
            case events.Reported() | events.Finished():
                expected = type(message) if is_valid else events.Failed
        return (expected,) if runs else ()

    def _expected_at(self, time: float) -> tuple[type[events.Event], ...]:
        """Return the events that are due because time has passed."""
        if isinstance(self.last, events.Ended) or self._all_ended():
            return ()
        if self._budget.found_s is None:
            return (events.BudgetSpent,) if self._budget.is_over(time) else ()
        return (events.Ended,) if self._budget.is_grace_over(time) else ()


def all_finite(metrics: Mapping[str, float]) -> bool:
    """Return whether no metric is NaN or infinite."""
    return all(map(math.isfinite, metrics.values()))
