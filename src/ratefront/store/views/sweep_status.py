"""The status of a sweep. Any process may ask for it at any time, also while the sweep runs."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, NamedTuple, TypeAlias

from ratefront.columns import MEETS_CONSTRAINTS
from ratefront.history.budget import Spent, larger_budget, recorded_budget, spent_by
from ratefront.history.events import Entry, to_plain
from ratefront.history.repeat_counts import RepeatCounts
from ratefront.history.sweep_history import SweepHistory, TrialHistory
from ratefront.spec.goals.constraints import Constraint, recorded_constraints
from ratefront.store.ledger.driver_lock import DriverProcess, driver_of
from ratefront.store.ledger.read_ledger import check_is_sweep, has_not_begun
from ratefront.store.ledger.skim_ledger import SkimmedLedger
from ratefront.store.sweep_folder import SweepFolder
from ratefront.store.task_model_progress import ProgressFile, TaskModelProgress
from ratefront.store.views.chosen_front import goal_sentences
from ratefront.store.views.front_trials import front_of, meets_constraints, result_of
from ratefront.store.views.stopping_summary import StoppingSummary, stopping_summary
from ratefront.store.views.trial_silence import ReportTimes
from ratefront.store.views.trials_csv import row_of_named
from ratefront.trial_records import Scalar

State: TypeAlias = Literal["starting", "running", "interrupted", "failed", "ended"]

#: How many trials of the front are shown at most. Its size is always given.
FRONT_ROWS = 8


@dataclass(frozen=True)
class RunningTrial:
    """A trial that runs. Before its first report, ``step`` is 0 and there are no metrics.

    ``since`` is when this attempt began, in seconds since the epoch. ``silent_s`` is for how many seconds it has not
    reported, where that is unusually long (see ``trial_silence``); else None.
    """

    trial_id: str
    attempt: int
    step: int
    family: str
    params: Mapping[str, Scalar]
    metrics: Mapping[str, float]
    since: float | None
    silent_s: float | None = None


@dataclass(frozen=True)
class FailedTrial:
    """Why a trial failed for good, and after how many attempts."""

    trial_id: str
    error: str
    reason: str
    attempts: int


@dataclass(frozen=True)
class FrontExcerpt:
    """A few trials of the front, from the lowest to the highest test rate, and the ``size`` of the whole front.

    ``constraints`` are those of the sweep file, and ``meeting`` how many trials of the whole front meet them.
    """

    size: int
    trials: tuple[TrialHistory, ...]
    constraints: tuple[Constraint, ...] = ()
    meeting: int = 0

    def meets(self, trial: TrialHistory) -> bool | None:
        """Whether a trial meets the sweep's constraints; None where it has none."""
        return meets_constraints(trial, self.constraints)

    def to_json(self) -> dict[str, Any]:
        """Each trial with what it measured on test."""
        rows = [_front_row(trial) | {MEETS_CONSTRAINTS: self.meets(trial)} for trial in self.trials]
        return {"size": self.size, "meeting": self.meeting if self.constraints else None, "rows": rows}


def _front_row(trial: TrialHistory) -> dict[str, Any]:
    metrics = tuple(result_of(trial).test.metrics)
    measured = row_of_named(trial, ("rate_bits", "accuracy", "transmitter_bytes", *metrics), metrics)
    return {**row_of_named(trial, ("trial_id", "family")), "params": dict(trial.params.values), **measured}


@dataclass(frozen=True)
class LastEvent:
    """The last event of the ledger, when it was written (seconds since the epoch), and how many seconds ago."""

    kind: str
    time: float
    age_s: float


@dataclass(frozen=True)
class SweepStatus:
    """A sweep's state, counts, speed, running and failed trials, and front; ``docs/files.md`` explains each.

    ``goals`` are sentences on the sweep file's constraints and target. ``running`` and ``planned`` together are
    the trials that exist and have not ended. Values that are not known, or do not apply, are None.
    """

    sweep: str | None
    state: State
    ended_early: str | None
    reason: str | None
    driver: str | None
    task_model_accuracy: float | None
    task_model_progress: TaskModelProgress | None
    trials_requested: int
    repeats: RepeatCounts
    finished: int
    collapsed: int
    pruned: int
    stopped: int
    failed: int
    running: int
    planned: int
    early_stopping: StoppingSummary
    elapsed_s: float
    gpu_hours: float
    budget: Mapping[str, float | None]
    is_budget_spent: bool
    larger_budget: Mapping[str, float]
    trials_per_hour: float | None
    remaining_s: float | None
    running_trials: tuple[RunningTrial, ...]
    failures: tuple[FailedTrial, ...]
    front: FrontExcerpt
    goals: tuple[str, ...]
    last_event: LastEvent | None

    @property
    def trials_ended(self) -> int:
        """How many of the requested trials have ended; repeats do not count."""
        ended = self.finished + self.collapsed + self.pruned + self.stopped + self.failed
        return ended - self.repeats.ended

    @property
    def trial_count(self) -> int:
        """How many trials exist, ended or not, with repeats."""
        return self.trials_ended + self.repeats.ended + self.running + self.planned

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        progress = self.task_model_progress
        return {item.name: _plain(getattr(self, item.name)) for item in fields(self)} | {
            "task_model_progress": None if progress is None else progress.to_plain(),
            "front": self.front.to_json(),
        }


def _plain(value: Any) -> Any:
    if isinstance(value, RepeatCounts):
        return value._asdict()
    if isinstance(value, tuple):
        return [part if isinstance(part, str) else asdict(part) for part in value]
    if isinstance(value, Mapping):
        return dict(value)
    return asdict(value) if isinstance(value, LastEvent | StoppingSummary) else value


def status_of(folder: SweepFolder, now: float | None = None) -> SweepStatus:
    """The status of a sweep.

    Raises:
        InputError: The folder holds no sweep, or an empty ledger that no driver writes.
        LedgerDamagedError: An entry cannot be read.
    """
    now = time.time() if now is None else now
    check_is_sweep(folder)
    driver = driver_of(folder)  # asked first, so that all that it wrote before it ended is read
    report_times = ReportTimes()
    ledger = SkimmedLedger(folder.ledger, on_entry=report_times.apply, on_report=report_times.hear_report)
    history, last = ledger.history, ledger.last
    if last is None and driver is None:
        raise has_not_begun(folder)
    at_work, unended = _at_work(history, driver), len(history.trials) - len(history.ended_order)
    speed, budget = _speed(history, driver, now), recorded_budget(history.spec)
    return SweepStatus(
        sweep=history.spec.get("name"),
        state=_state(history, driver),
        ended_early=history.ended_early or None,
        reason=history.halted.reason if history.halted and driver is None else None,
        driver=None if driver is None else driver.name,
        task_model_accuracy=None if history.task_model is None else history.task_model.accuracy,
        task_model_progress=None if driver is None else ProgressFile(folder.task_model_progress).read(),
        trials_requested=history.trials_requested,
        repeats=history.repeats,
        finished=history.counts["finished"],
        collapsed=history.counts["collapsed"],
        pruned=history.counts["pruned"],
        stopped=history.counts["stopped"],
        failed=history.counts["failed"],
        running=len(at_work),
        planned=unended - len(at_work),
        early_stopping=stopping_summary(history),
        elapsed_s=speed.elapsed_s,
        gpu_hours=speed.spent.gpu_hours,
        budget=budget.model_dump(),
        is_budget_spent=history.budget_spent is not None or history.ended_by_budget,
        larger_budget=larger_budget(budget, speed.spent) if history.ended_by_budget else {},
        trials_per_hour=speed.trials_per_hour,
        remaining_s=speed.remaining_s,
        running_trials=tuple(
            _running(trial, report_times.unusual_silence_s(trial, now)) for trial in at_work
        ),
        failures=tuple(map(_failure, history.with_status("failed"))),
        front=_front(history),
        goals=tuple(goal_sentences(history)),
        last_event=None if last is None else _last_event(last, now),
    )


def _has_recorded(history: SweepHistory, driver: DriverProcess | None) -> bool:
    """False where the last event was written by an earlier driver."""
    return driver is not None and history.last_time >= driver.since


def _state(history: SweepHistory, driver: DriverProcess | None) -> State:
    if history.ended and (driver is None or _has_recorded(history, driver)):
        return "ended"
    if driver is None:
        return "failed" if history.halted and history.halted.has_failed else "interrupted"
    is_ready = _has_recorded(history, driver) and history.task_model is not None
    return "running" if is_ready else "starting"


def _at_work(history: SweepHistory, driver: DriverProcess | None) -> list[TrialHistory]:
    """The trials that run. Those of an earlier driver wait to be started again."""
    return history.with_status("running") if _has_recorded(history, driver) else []


class _Speed(NamedTuple):
    elapsed_s: float
    spent: Spent
    trials_per_hour: float | None
    remaining_s: float | None


def _speed(history: SweepHistory, driver: DriverProcess | None, now: float) -> _Speed:
    is_at_work = _has_recorded(history, driver) and not history.ended
    worked_s = history.worked_s(now) if is_at_work else history.speed.worked_s
    spent = spent_by(history, now if is_at_work else None)
    speed = history.speed.trials_per_hour(worked_s)
    left = history.trials_requested - history.trials_ended + _repeats_left(history)
    return _Speed(worked_s, spent, speed, 3600.0 * left / speed if speed and is_at_work else None)


def _repeats_left(history: SweepHistory) -> int:
    """How many repeats may come: all that are allowed, until the requested trials have ended and it turns out."""
    planned, ended, most = history.repeats
    return most - ended if planned or history.trials_ended < history.trials_requested else 0


def _running(trial: TrialHistory, silent_s: float | None) -> RunningTrial:
    return RunningTrial(
        trial_id=trial.params.trial_id,
        attempt=trial.attempts,
        step=trial.step,
        family=trial.params.family,
        params=dict(trial.params.values),
        metrics=dict(trial.reports[-1].metrics if trial.step else {}),
        since=trial.started_time,
        silent_s=silent_s,
    )


def _failure(trial: TrialHistory) -> FailedTrial:
    return FailedTrial(trial.params.trial_id, trial.error, trial.reason, trial.attempts)


def _front(history: SweepHistory) -> FrontExcerpt:
    front, rows = front_of(history), FRONT_ROWS
    if len(front) > rows:
        shown = [front[round(row * (len(front) - 1) / (rows - 1))] for row in range(rows)]
    else:
        shown = front
    constraints = recorded_constraints(history.spec)
    meeting = sum(bool(meets_constraints(trial, constraints)) for trial in front)
    return FrontExcerpt(len(front), tuple(shown), constraints, meeting)


def _last_event(entry: Entry, now: float) -> LastEvent:
    return LastEvent(to_plain(entry.event)[0], entry.time, max(0.0, now - entry.time))
