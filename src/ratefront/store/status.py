"""How a sweep stands, as plain data for JSON; may be asked at any time, and from another terminal while it runs."""

from __future__ import annotations

import time
from typing import Any, Literal, TypeAlias

from ratefront.events import Entry, to_plain
from ratefront.history import SweepHistory, TrialHistory
from ratefront.records import ENDED
from ratefront.store.driver import Driver, driver_of
from ratefront.store.folder import SweepFolder
from ratefront.store.front import front_of
from ratefront.store.reading import entries_of, has_not_begun
from ratefront.store.table import picked
from ratefront.store.task_model_progress import ProgressFile

State: TypeAlias = Literal["starting", "running", "interrupted", "failed", "ended"]

#: Rows of the front that are told; its size is told anyway.
FRONT_ROWS = 8


def status_of(folder: SweepFolder, now: float | None = None) -> dict[str, Any]:
    """The sweep's state, counts, speed, running and failed trials, and front; ``docs/files.md`` has the keys.

    Raises
    ------
    InputError
        The folder holds no sweep, or an empty ledger that nobody writes.
    LedgerDamagedError
        An entry cannot be read.
    """
    now = time.time() if now is None else now
    history, last = SweepHistory(), None
    entries = entries_of(folder)
    driver = driver_of(folder)  # asked first: what it wrote before it went is then read
    for last in entries:
        history.apply(last)
    if last is None and driver is None:
        raise has_not_begun(folder)
    state = _state(history, driver)
    return {
        "sweep": history.spec.get("name"),
        "state": state,
        "ended_early": history.ended_early or None,
        "reason": history.halted.reason if history.halted and driver is None else None,
        "driver": None if driver is None else driver.name,
        "task_model_accuracy": None if history.task_model is None else history.task_model.accuracy,
        "task_model_progress": None if driver is None else _training(folder),
        **_counts(history, driver),
        **_speed(history, driver, now),
        "running_trials": [_running(trial) for trial in _at_work(history, driver)],
        "failures": [_failure(trial) for trial in history.with_status("failed")],
        "front": _front(history),
        "last_event": None if last is None else _last_event(last, now),
    }


def _training(folder: SweepFolder) -> dict[str, Any] | None:
    """How far the task model's training is; None where none is trained."""
    progress = ProgressFile(folder.task_model_progress).read()
    return None if progress is None else progress.to_plain()


def _has_recorded(history: SweepHistory, driver: Driver | None) -> bool:
    """False where what the ledger says last was written by a driver that is gone."""
    return driver is not None and history.last_time >= driver.since


def _state(history: SweepHistory, driver: Driver | None) -> State:
    if history.ended and (driver is None or _has_recorded(history, driver)):
        return "ended"
    if driver is None:
        return "failed" if history.halted and history.halted.has_failed else "interrupted"
    is_ready = _has_recorded(history, driver) and history.task_model is not None
    return "running" if is_ready else "starting"


def _counts(history: SweepHistory, driver: Driver | None) -> dict[str, int]:
    """``running`` and ``planned`` together are the trials that exist and have not ended."""
    running, unended = len(_at_work(history, driver)), len(history.trials) - history.trials_ended
    return {
        "trials_requested": history.trials_requested,
        **{status: history.counts[status] for status in ENDED},
        "running": running,
        "planned": unended - running,
    }


def _at_work(history: SweepHistory, driver: Driver | None) -> list[TrialHistory]:
    """The trials that run; those of a driver that is gone wait to be begun again."""
    return history.with_status("running") if _has_recorded(history, driver) else []


def _speed(history: SweepHistory, driver: Driver | None, now: float) -> dict[str, float | None]:
    is_at_work = _has_recorded(history, driver) and not history.ended
    worked_s = history.worked_s(now) if is_at_work else history.pace.worked_s
    speed = history.pace.trials_per_hour(worked_s)
    left = history.trials_requested - history.trials_ended
    return {
        "elapsed_s": worked_s,
        "trials_per_hour": speed,
        "remaining_s": 3600.0 * left / speed if speed and is_at_work else None,
    }


def _running(trial: TrialHistory) -> dict[str, Any]:
    """``since``: when this attempt began, in seconds since the epoch; ``step`` 0 and no metrics before it reports."""
    reported = trial.reports[-1].metrics if trial.step else {}
    return {
        "trial_id": trial.params.trial_id,
        "attempt": trial.attempts,
        "step": trial.step,
        "family": trial.params.family,
        "params": dict(trial.params.values),
        "metrics": dict(reported),
        "since": trial.started_time,
    }


def _failure(trial: TrialHistory) -> dict[str, Any]:
    return {
        "trial_id": trial.params.trial_id,
        "error": trial.error,
        "reason": trial.reason,
        "attempts": trial.attempts,
    }


def _front(history: SweepHistory) -> dict[str, Any]:
    """``rows``: a few of the front from its lowest to its highest rate, measured on test."""
    front, rows = front_of(history), FRONT_ROWS
    if len(front) > rows:
        shown = [front[round(row * (len(front) - 1) / (rows - 1))] for row in range(rows)]
    else:
        shown = front
    return {"size": len(front), "rows": [_front_row(trial) for trial in shown]}


def _front_row(trial: TrialHistory) -> dict[str, Any]:
    measured = picked(trial, ("rate_bits", "accuracy", "transmitter_bytes"))
    return {**picked(trial, ("trial_id", "family")), "params": dict(trial.params.values), **measured}


def _last_event(entry: Entry, now: float) -> dict[str, Any]:
    return {"kind": to_plain(entry.event)[0], "time": entry.time, "age_s": max(0.0, now - entry.time)}
