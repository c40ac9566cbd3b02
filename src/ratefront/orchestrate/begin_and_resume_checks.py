"""Checks whether a sweep may begin in a new folder of its own, or resume from the ledger in its folder."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ratefront.engine.engine import SPACE_EXHAUSTED, Engine
from ratefront.engine.opening_events import ResumeOptions
from ratefront.errors import InputError, LedgerError
from ratefront.history.budget import spent_by, why_over
from ratefront.history.events import Event, Extended, Planned, Reconfigured, Reopened, Resumed
from ratefront.history.sweep_history import SweepHistory
from ratefront.spec.sweep_spec import Budget
from ratefront.store.environment_files import environment_files
from ratefront.store.ledger.ledger_file import Ledger
from ratefront.store.ledger.read_ledger import entries_of
from ratefront.store.sweep_folder import SweepFolder
from ratefront.wording import Argument, Message

RESUME = Argument("resume", True)

_sweep_lock = threading.Lock()


@contextmanager
def one_sweep_per_process() -> Iterator[None]:
    """Let this process run one sweep at a time: signals, Ray's connection and the environment belong to the process.

    Raises:
        InputError: Another thread of this process runs a sweep.
    """
    if not _sweep_lock.acquire(blocking=False):
        raise InputError(
            "this process runs a sweep already; wait for its end, or run the other one in a process of its own"
        )
    try:
        yield
    finally:
        _sweep_lock.release()


def check_folder(folder: SweepFolder, options: ResumeOptions) -> None:
    """Check that the folder fits the options.

    A sweep that ended before it planned a trial may be replaced.

    Raises:
        InputError: A new sweep would write among other files, there is no sweep to resume, or there is a link.
    """
    path = folder.path
    folder.check_entries()
    if options.extend is not None and options.extend < 1:
        raise InputError(f"extend must be ≥ 1, got {options.extend}")
    if options.resume:
        if not folder.ledger.exists():
            raise InputError(f"{path} holds no sweep to resume: it has no {folder.ledger.name}")
        return
    if options.extend is not None or options.retry_failed:
        option = "extend" if options.extend is not None else "retry_failed"
        raise InputError(Message(f"{option} is for a sweep that has begun: give ", RESUME, ", too"))
    if not path.exists():
        _check_creatable(path)
        return
    if not path.is_dir():
        raise InputError(f"{path} is not a folder; a sweep needs one of its own")
    if folder.ledger.exists():
        if has_trials(folder):
            raise InputError(
                Message(f"{path} already holds a sweep; go on with ", RESUME, ", or choose another folder")
            )
        return
    if any(entry != folder.forecast for entry in path.iterdir()):
        raise InputError(f"{path} is not empty; a sweep needs a folder of its own")


def check_extensible(engine: Engine, options: ResumeOptions) -> None:
    """Check that ``extend`` asks for no more trials than the space has untried configurations.

    Raises:
        InputError: All configurations have been tried.
    """
    if options.extend is not None and engine.is_exhausted:
        tried = len(engine.history.trials)
        raise InputError(
            Message(
                Argument("extend", options.extend),
                f": {SPACE_EXHAUSTED} (all {tried} have been tried, and none of them depends on a seed); "
                "a new sweep with a wider space finds more",
            )
        )


def check_budget(budget: Budget, history: SweepHistory, options: ResumeOptions) -> None:
    """Check that ``extend`` and ``retry_failed`` have something to spend. A resume alone draws the report again.

    Raises:
        InputError: The budget is spent.
    """
    why = why_over(budget, spent_by(history, None))
    if why and (options.extend or options.retry_failed):
        raise InputError(Message(_asked(options), f": {why}; nothing was changed"))


def check_end_rule(engine: Engine, options: ResumeOptions) -> None:
    """Check that ``extend`` and ``retry_failed`` would not end at once, because the front is as close as asked for.

    Raises:
        InputError: ``end_when.within`` of the sweep file holds.
    """
    if (options.extend or options.retry_failed) and (why := engine.why_close_to_bound):
        raise InputError(Message(_asked(options), f": {why}; nothing was changed"))


def _asked(options: ResumeOptions) -> Argument:
    return Argument("extend", options.extend) if options.extend else Argument("retry_failed", True)


def has_trials(folder: SweepFolder) -> bool:
    """Return whether the ledger holds trials. A ledger that cannot be read counts as one that does."""
    try:
        return any(isinstance(entry.event, Planned) for entry in entries_of(folder))
    except LedgerError:
        return True


def clear_unstarted_sweep(folder: SweepFolder, ledger: Ledger) -> None:
    """Remove what a sweep without trials left, so that a new one can begin. The caller holds the ledger's lock.

    Raises:
        InputError: Another driver has begun a sweep here meanwhile.
    """
    if any(isinstance(entry.event, Planned) for entry in ledger.entries()):
        raise InputError(
            f"another driver has begun a sweep in {folder.path} meanwhile; choose another folder"
        )
    ledger.clear()
    for file in environment_files(folder):
        file.unlink(missing_ok=True)
    shutil.rmtree(folder.task_model, ignore_errors=True)
    folder.task_model_progress.unlink(missing_ok=True)


def _check_creatable(path: Path) -> None:
    nearest = next(parent for parent in path.parents if parent.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        raise InputError(f"{path} cannot be made: {nearest} is not a folder that one may write to")


def check_begun(history: SweepHistory, options: ResumeOptions) -> None:
    """Check that there is something to extend or to try again.

    Raises:
        InputError: The ledger is empty, because its driver died before the first event.
    """
    if not history.spec and (options.extend is not None or options.retry_failed):
        raise InputError(Message("the sweep has not begun: go on with ", RESUME, " alone"))


def runs_trials(opening: Sequence[Event]) -> bool:
    """Return whether a driver that opens the ledger with these events runs the sweep, and not only changes settings."""
    return any(not isinstance(event, Reconfigured) for event in opening)


def has_trials_left(engine: Engine, opening: Sequence[Event]) -> bool:
    """Return whether trials will run after these events."""
    may_go_on = Extended | Reopened | Resumed if engine.history.ended_by_rule else Extended | Reopened
    return not engine.done or any(isinstance(event, may_go_on) for event in opening)
