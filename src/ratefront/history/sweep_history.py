"""The state of a sweep, from its events: which trials exist, and how they ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from sys import intern
from typing import Any, TypeAlias

from ratefront.errors import LedgerDamagedError, UnknownTrialError
from ratefront.history import events
from ratefront.history.known_trials import KnownBefore
from ratefront.history.pause_python_gc import garbage_collection_paused
from ratefront.history.recorded_spec import check_recorded_spec
from ratefront.history.repeat_counts import RepeatCounts, recorded_repeats
from ratefront.history.sweep_speed import SweepSpeed
from ratefront.trial_records import (
    ENDED,
    GPU_MEMORY_SHARE,
    Progress,
    Scalar,
    Status,
    TrialParams,
    TrialResult,
    objectives_of,
    own_metrics,
)


@dataclass
class TrialHistory:
    """Everything known of one trial.

    Attributes:
        number: Counts trials from 0 in the order of planning.
        params: What the trial is given.
        planned_time: When it was planned, in seconds since the epoch, like all times here.
        status: Where it stands, or how it ended.
        attempts: How often it was started.
        reason: Why it ended as it did, or why its last attempt failed.
        error: The class name of the error of its last failed attempt.
        step: The last step that the present attempt reported; 0 before its first report.
        furthest_step: The last step that any earlier attempt reported.
        setbacks: Failed attempts since one got further than all before it.
        memory_failures: Failed attempts that ran out of memory.
        started_time: When the last attempt began.
        ended_time: When the trial ended.
        resources: The ``resources`` of the sweep file at the time of the last attempt.
        reports: The curve of what the trial itself reported, without the readings of its process. Where an attempt
            repeats a step, its report replaces the earlier one and all that came after it. Empty for an ended trial
            of a history without ``keeps_curves``.
        result: What it measured, where it ran to its end.
        rung: The epoch after which the search stopped it; 0 where it did not.
        spared_at: The epoch after which the search would have stopped it, were it not one of the random share that is
            never stopped; else 0.
        repeat_of: The first trial of the configuration that this one repeats with a fresh seed, on top of the trials
            that were requested; empty for those.
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
    resources: Mapping[str, Any] = field(default_factory=dict)
    reports: list[Progress] = field(default_factory=list)
    result: TrialResult | None = None
    rung: int = 0
    spared_at: int = 0
    repeat_of: str = ""

    @property
    def ended(self) -> bool:
        """True where the trial has ended, however it did."""
        return self.status in ENDED

    @property
    def batch_divisor(self) -> int:
        """Into how many parts an attempt cuts each batch: twice as many for each attempt that ran out of memory."""
        return int(2**self.memory_failures)

    @property
    def got_further(self) -> bool:
        """True where the present attempt has reported a step that no earlier one had reached."""
        return self.step > self.furthest_step

    def report(self, progress: Progress) -> None:
        """Add a report of the present attempt to the curve."""
        while self.reports and self.reports[-1].step >= progress.step:
            self.reports.pop()
        self.reports.append(progress)
        self.step = progress.step

    def lose_attempt(self) -> None:
        """Note that the present attempt is over and did not end the trial; what it reported stays."""
        self.furthest_step = max(self.furthest_step, self.step)
        self.step = 0


#: What happens to a trial while an attempt runs.
_OfAttempt: TypeAlias = events.Reported | events.Finished | events.Failed

#: Errors that may pass although they do not say so: Python's and torch's names for memory that was full at the time.
OUT_OF_MEMORY_ERRORS = frozenset({"MemoryError", "OutOfMemoryError"})


@dataclass
class SweepHistory:
    """A sweep as its ledger records it. Entries are applied in order; the same entries give the same history.

    Attributes:
        spec: The resolved sweep file as it is by now, as plain data; empty before the sweep has begun.
        trials: All trials by identity, in the order of planning.
        task_model: What the ledger says of the task model; None before it is ready.
        known: What was known before its first trial; None where nothing was.
        bounds_ready: The bounds that decisions of the search may use; None before the ledger has them.
        created_time: When the sweep began, in seconds since the epoch.
        last_time: When the last event was written.
        ended: True where the sweep has ended and did not go on since.
        end_reason: Why it ended.
        ended_by_budget: True where it has ended because its budget was spent.
        budget_spent: What was spent when the present driver found the budget spent; None where it did not.
        end_rule_met: That ``end_when`` of the sweep file was found to hold; None where a person asked for more since.
        ended_by_rule: True where it has ended because ``end_when`` held.
        asked_again_at: How many trials had ended when a person last asked for more trials or for failed ones again.
        extended_to: How many trials are requested in all, where the sweep was extended.
        halted: How the last driver left the sweep before its end; None where that is not known or a driver goes on.
        ledger_format: The ledger's format when the sweep began.
        counts: How many trials have each status.
        ended_order: The trials that have ended, in the order in which they ended.
        repeats_planned: How many of the trials repeat a configuration, on top of those that were requested.
        repeats_ended: How many of these have ended.
        gpu_memory_share: The largest fraction of a GPU's memory that a trial held; None before one was measured.
        speed: The sweep's time at work, and its speed.
        keeps_curves: Whether trials keep their reports when they end. Without them a history of many long trials takes
            a quarter of the memory; a driver needs them no more.
    """

    spec: dict[str, Any] = field(default_factory=dict)
    trials: dict[str, TrialHistory] = field(default_factory=dict)
    task_model: events.TaskModelReady | None = None
    known: KnownBefore | None = None
    bounds_ready: events.BoundsReady | None = None
    created_time: float = 0.0
    last_time: float = 0.0
    ended: bool = False
    end_reason: str = ""
    ended_by_budget: bool = False
    budget_spent: events.BudgetSpent | None = None
    end_rule_met: events.EndRuleMet | None = None
    ended_by_rule: bool = False
    asked_again_at: int = 0
    extended_to: int | None = None
    halted: events.Halted | None = None
    ledger_format: int = events.LEDGER_FORMAT
    counts: Counter[Status] = field(default_factory=Counter)
    ended_order: list[str] = field(default_factory=list)
    repeats_planned: int = 0
    repeats_ended: int = 0
    gpu_memory_share: float | None = None
    speed: SweepSpeed = field(default_factory=SweepSpeed)
    keeps_curves: bool = field(default=True, compare=False)

    @classmethod
    def of(cls, entries: Iterable[events.Entry], *, keeps_curves: bool = True) -> SweepHistory:
        """The history that these entries give.

        Raises:
            LedgerDamagedError: An entry contradicts the ones before it (see ``apply``).
        """
        history = cls(keeps_curves=keeps_curves)
        with garbage_collection_paused():
            for entry in entries:
                history.apply(entry)
        return history

    def snapshot(self) -> SweepHistory:
        """A copy that stays as it is while entries are applied to this one. It shares what never changes."""
        trials = {name: replace(trial, reports=list(trial.reports)) for name, trial in self.trials.items()}
        return replace(
            self,
            trials=trials,
            counts=Counter(self.counts),
            ended_order=list(self.ended_order),
            speed=deepcopy(self.speed),
        )

    @property
    def bounds(self) -> Mapping[str, events.BoundPoints]:
        """The bounds that decisions of the search may use, as points (distortion, bit/sample) by the curve's name.

        They are those of the validation split. A curve that could not be had is not there.
        """
        return {} if self.bounds_ready is None else self.bounds_ready.curves

    @property
    def trials_requested(self) -> int:
        """How many trials the sweep asks for by now. Repeats come on top."""
        return self.extended_to or int(self.spec.get("trials", len(self.trials)))

    @property
    def ended_early(self) -> str:
        """Why the sweep has ended with fewer trials or repeats than were due; empty where it has not."""
        has_less = self.trials_ended < self.trials_requested or self.ended_by_budget
        return self.end_reason if self.ended and has_less else ""

    @property
    def trials_ended(self) -> int:
        """How many of the requested trials have ended; repeats do not count."""
        return len(self.ended_order) - self.repeats_ended

    @property
    def trials_searched(self) -> int:
        """How many trials were planned that are no repeats."""
        return len(self.trials) - self.repeats_planned

    @property
    def repeats(self) -> RepeatCounts:
        """How many repeats there are, and how many there may be."""
        most = recorded_repeats(self.spec).most(self.trials_requested)
        return RepeatCounts(self.repeats_planned, self.repeats_ended, most)

    def worked_s(self, now: float) -> float:
        """The sweep's time at work up to now, in seconds, where a driver is at work."""
        return self.speed.worked_at_work_s + max(0.0, now - self.last_time)

    def gpu_s(self, now: float) -> float:
        """The time of the attempts' GPUs up to now, in seconds, where a driver is at work."""
        return self.speed.gpu_at_work_s + self.speed.gpus_in_use * max(0.0, now - self.last_time)

    def with_status(self, *statuses: Status) -> list[TrialHistory]:
        """The trials that have one of these statuses, in the order in which they were planned."""
        trials = list(self.trials.values())  # a display may read while the driver's thread adds one
        return [trial for trial in trials if trial.status in statuses]

    def trial(self, trial_id: str) -> TrialHistory:
        """The trial with this identity, as a person gave it.

        Raises:
            UnknownTrialError: There is no such trial.
        """
        if trial_id not in self.trials:
            raise UnknownTrialError(trial_id, list(self.trials))
        return self.trials[trial_id]

    def is_running(self, trial_id: str, attempt: int) -> bool:
        """True where this attempt is the one that runs. The trial must exist."""
        trial = self.trials[trial_id]
        return trial.status == "running" and trial.attempts == attempt

    def apply(self, entry: events.Entry) -> None:
        """Update the history with one more entry.

        Raises:
            LedgerDamagedError: The event contradicts the ones before it: it names a trial that was never planned, plans
                one twice or out of order, repeats one with other values, plans one to start from one that has not
                finished, starts one that runs, is of an attempt that does not run, ends a trial that has ended, or
                reopens one that has not failed; a failure was not judged; or a result or the sweep file is not what
                ratefront writes. Names the entry.
        """
        self.last_time = entry.time
        self.speed.apply(entry)
        self._change(entry)

    def _change(self, entry: events.Entry) -> None:
        try:
            _APPLY[type(entry.event)](self, entry.event, entry.time)
        except ValueError as error:
            kind = events.to_plain(entry.event)[0]
            raise LedgerDamagedError(f"entry {entry.seq} of the ledger, {kind}: {error}") from error

    def pass_over_report(self, time: float) -> None:
        """Take in when a report came that a later one of its trial replaces (see ``apply_report``)."""
        self.last_time = time
        self.speed.pass_over(time)

    def apply_report(self, entry: events.Entry) -> None:
        """Apply a report that was passed over, because it turned out to be the last of its trial.

        Raises:
            LedgerDamagedError: As ``apply``.
        """
        self._change(entry)

    def _create(self, event: events.Created, time: float) -> None:
        if self.spec or self.trials:
            raise ValueError("the sweep has begun already")
        check_recorded_spec(event.spec)
        self.spec, self.created_time = dict(event.spec), time
        self.ledger_format = event.ledger_format

    def _know(self, event: events.Known, time: float) -> None:
        if self.known is not None or self.trials:
            raise ValueError("it comes twice, or after the first trial was planned")
        self.known = KnownBefore.of(event, objectives_of(self.spec))

    def _prepare(self, event: events.TaskModelReady, time: float) -> None:
        self.task_model = event

    def _take_bounds(self, event: events.BoundsReady, time: float) -> None:
        self.bounds_ready = event

    def _plan(self, event: events.Planned, time: float) -> None:
        if event.trial_id in self.trials:
            raise ValueError(f"trial {event.trial_id} is planned twice")
        if event.number != len(self.trials):
            raise ValueError(f"trial {event.trial_id} is number {event.number} instead of {len(self.trials)}")
        if event.starts_from and self._planned(event.starts_from).status != "finished":
            raise ValueError(
                f"trial {event.trial_id} starts from {event.starts_from}, which has not finished"
            )
        params = TrialParams(
            event.trial_id, event.seed, _sharing_strings(event.values), intern(event.starts_from)
        )
        if event.repeat_of and self._planned(event.repeat_of).params.values != params.values:
            raise ValueError(
                f"trial {event.trial_id} has other values than {event.repeat_of}, which it repeats"
            )
        self.trials[event.trial_id] = TrialHistory(event.number, params, time, repeat_of=event.repeat_of)
        self.repeats_planned += bool(event.repeat_of)
        self.counts["planned"] += 1
        self._go_on()

    def _start(self, event: events.Started, time: float) -> None:
        trial = self._not_ended(event.trial_id)
        if trial.status == "running" or event.attempt != trial.attempts + 1:
            raise ValueError(
                f"attempt {event.attempt} of trial {event.trial_id} begins, which is {trial.status} after "
                f"{trial.attempts} attempts"
            )
        trial.attempts, trial.started_time = event.attempt, time
        trial.resources = self.spec.get("resources") or {}
        self._move(trial, "running")
        self.speed.attempt_has(event.trial_id, event.gpus)

    def _report(self, event: events.Reported, time: float) -> None:
        trial = self._running(event)
        if event.step <= trial.step:
            raise ValueError(f"trial {event.trial_id} reports step {event.step} after step {trial.step}")
        trial.report(Progress(event.step, own_metrics(event.metrics)))

    def _finish(self, event: events.Finished, time: float) -> None:
        trial = self._running(event)
        trial.result = TrialResult.from_json(event.result)
        if trial.result.trial_id != event.trial_id:
            raise ValueError(f"the result of trial {event.trial_id} is that of {trial.result.trial_id!r}")
        share = trial.result.extra.get(GPU_MEMORY_SHARE)
        if share is not None:
            self.gpu_memory_share = max(share, self.gpu_memory_share or 0.0)
        self._end(trial, trial.result.status, trial.result.reason, time)

    def _fail(self, event: events.Failed, time: float) -> None:
        if event.final is None:
            raise ValueError(f"the failure of trial {event.trial_id} was not judged")
        trial = self._running(event)
        trial.setbacks = 0 if trial.got_further else trial.setbacks + 1
        trial.memory_failures += event.error in OUT_OF_MEMORY_ERRORS
        trial.error = event.error
        trial.lose_attempt()
        if event.final:
            self._end(trial, "failed", event.reason, time)
        else:
            trial.reason = event.reason
            self._move(trial, "planned")

    def _prune(self, event: events.Pruned, time: float) -> None:
        trial = self._not_ended(event.trial_id)
        trial.rung = event.rung
        self._end(trial, "pruned", event.reason, time)

    def _spare(self, event: events.Spared, time: float) -> None:
        trial = self._not_ended(event.trial_id)
        if trial.spared_at:
            raise ValueError(f"trial {event.trial_id} is spared twice")
        trial.spared_at = event.rung

    def _stop(self, event: events.Stopped, time: float) -> None:
        self._end(self._not_ended(event.trial_id), "stopped", event.reason, time)

    def _halt(self, event: events.Halted, time: float) -> None:
        self.halted = event

    def _resume(self, event: events.Resumed, time: float) -> None:
        self.halted = self.budget_spent = None
        self._go_on()
        self._lose_attempts()

    def _lose_attempts(self) -> None:
        for trial in self.with_status("running"):
            trial.lose_attempt()
            self._move(trial, "planned")

    def _reconfigure(self, event: events.Reconfigured, time: float) -> None:
        spec = {**self.spec, **event.settings}
        check_recorded_spec(spec)
        self.spec = spec
        if "budget" in event.settings:
            self.budget_spent = None
        if "end_when" in event.settings:
            self.end_rule_met = None

    def _extend(self, event: events.Extended, time: float) -> None:
        if event.trials < 1:
            raise ValueError(f"trials: a number of at least 1 belongs here, not {event.trials}")
        self.extended_to = event.trials
        self._ask_again()

    def _reopen(self, event: events.Reopened, time: float) -> None:
        trial = self._planned(event.trial_id)
        if trial.status != "failed":
            raise ValueError(f"trial {event.trial_id} is {trial.status}: only a failed one can be reopened")
        self.ended_order.remove(event.trial_id)
        self.repeats_ended -= bool(trial.repeat_of)
        trial.reason, trial.error, trial.ended_time, trial.setbacks = "", "", None, 0
        self._move(trial, "planned")
        self._ask_again()

    def _ask_again(self) -> None:
        self.asked_again_at, self.end_rule_met = len(self.ended_order), None
        self._go_on()

    def _go_on(self) -> None:
        self.ended = self.ended_by_budget = self.ended_by_rule = False

    def _spend(self, event: events.BudgetSpent, time: float) -> None:
        self.budget_spent = event

    def _meet_end_rule(self, event: events.EndRuleMet, time: float) -> None:
        self.end_rule_met = event

    def _close(self, event: events.Ended, time: float) -> None:
        self.ended, self.end_reason = True, event.reason
        self.ended_by_budget, self.ended_by_rule = event.is_budget_spent, event.is_rule_met
        self._lose_attempts()

    def _planned(self, trial_id: str) -> TrialHistory:
        if trial_id not in self.trials:
            raise ValueError(f"trial {trial_id} was never planned")
        return self.trials[trial_id]

    def _not_ended(self, trial_id: str) -> TrialHistory:
        trial = self._planned(trial_id)
        if trial.status in ENDED:
            raise ValueError(f"trial {trial_id} has already ended as {trial.status}")
        return trial

    def _running(self, event: _OfAttempt) -> TrialHistory:
        trial = self._not_ended(event.trial_id)
        if trial.status != "running" or event.attempt != trial.attempts:
            raise ValueError(
                f"attempt {event.attempt} of trial {event.trial_id} does not run: the trial is {trial.status} after "
                f"{trial.attempts} attempts"
            )
        return trial

    def _end(self, trial: TrialHistory, status: Status, reason: str, time: float) -> None:
        # A clock that was put back must not give a trial a negative length.
        trial.reason, trial.ended_time = reason, max(time, trial.started_time or trial.planned_time)
        if not self.keeps_curves:
            trial.reports = []
        self.ended_order.append(trial.params.trial_id)
        self.repeats_ended += bool(trial.repeat_of)
        self._move(trial, status)

    def _move(self, trial: TrialHistory, status: Status) -> None:
        if trial.status == "running":
            self.speed.attempt_has(trial.params.trial_id, 0.0)
        self.counts[trial.status] -= 1
        trial.status = status
        self.counts[status] += 1


#: What each event changes. A table instead of a chain of cases: a long sweep has hundreds of thousands of events.
_APPLY: Mapping[type[events.Event], Callable[[SweepHistory, Any, float], None]] = {
    events.Created: SweepHistory._create,
    events.Known: SweepHistory._know,
    events.TaskModelReady: SweepHistory._prepare,
    events.BoundsReady: SweepHistory._take_bounds,
    events.Planned: SweepHistory._plan,
    events.Started: SweepHistory._start,
    events.Reported: SweepHistory._report,
    events.Finished: SweepHistory._finish,
    events.Failed: SweepHistory._fail,
    events.Pruned: SweepHistory._prune,
    events.Spared: SweepHistory._spare,
    events.Stopped: SweepHistory._stop,
    events.Resumed: SweepHistory._resume,
    events.Reconfigured: SweepHistory._reconfigure,
    events.Extended: SweepHistory._extend,
    events.Reopened: SweepHistory._reopen,
    events.BudgetSpent: SweepHistory._spend,
    events.EndRuleMet: SweepHistory._meet_end_rule,
    events.Halted: SweepHistory._halt,
    events.Ended: SweepHistory._close,
}


def _sharing_strings(values: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """The same values. Each line of a ledger brings its own strings, and those of all trials are a few."""
    return {intern(name): intern(value) if type(value) is str else value for name, value in values.items()}


def spec_in(entries: Iterable[events.Entry]) -> dict[str, Any]:
    """The resolved sweep file as it is by now, as plain data; empty where no sweep has begun."""
    history = SweepHistory()
    for entry in entries:
        if isinstance(entry.event, events.Created | events.Reconfigured):
            history.apply(entry)
    return history.spec
