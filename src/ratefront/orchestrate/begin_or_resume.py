"""Whether a sweep may begin: in a folder of its own, or with the ledger that it goes on from."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ratefront.engine.engine import SPACE_EXHAUSTED, Engine
from ratefront.engine.opening_events import ResumeOptions
from ratefront.errors import InputError, LedgerError
from ratefront.history.events import Planned
from ratefront.history.sweep_history import SweepHistory
from ratefront.store.environment_files import environment_files
from ratefront.store.ledger.ledger_file import Ledger
from ratefront.store.ledger.read_ledger import entries_of
from ratefront.store.sweep_folder import SweepFolder
from ratefront.wording import Argument, Message

RESUME = Argument("resume", True)

_at_work = threading.Lock()


@contextmanager
def only_sweep_here() -> Iterator[None]:
    """Signals, Ray's connection and the environment belong to the whole process: it runs one sweep at a time.

    Raises:
        InputError: Another thread runs one.
    """
    if not _at_work.acquire(blocking=False):
        raise InputError(
            "this process runs a sweep already; wait for its end, or run the other one in a process of its own"
        )
    try:
        yield
    finally:
        _at_work.release()


def check_folder(folder: SweepFolder, options: ResumeOptions) -> None:
    """
    Raises:
        InputError: A new sweep would write among other files, or there is nothing to go on with. A sweep that
            came to nothing before it had planned a trial is in nobody's way.
    """
    path = folder.path
    if options.extend is not None and options.extend < 1:
        raise InputError(f"extend must be ≥ 1, got {options.extend}")
    if options.resume:
        if not folder.ledger.exists():
            raise InputError(f"{path} holds no sweep to resume: it has no {folder.ledger.name}")
        return
    if options.extend is not None or options.retry_failed:
        asked = "extend" if options.extend is not None else "retry_failed"
        raise InputError(Message(f"{asked} is for a sweep that has begun: give ", RESUME, ", too"))
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
    if any(path.iterdir()):
        raise InputError(f"{path} is not empty; a sweep needs a folder of its own")


def check_extensible(engine: Engine, options: ResumeOptions) -> None:
    """
    Raises:
        InputError: More trials are asked for than the sweep's space has configurations left.
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


def has_trials(folder: SweepFolder) -> bool:
    """True where the ledger tells of trials, and where nobody can read what it tells."""
    try:
        return any(isinstance(entry.event, Planned) for entry in entries_of(folder))
    except LedgerError:
        return True


def clear_away(folder: SweepFolder, ledger: Ledger) -> None:
    """A new sweep begins where one came to nothing; whoever has the ledger is alone here.

    Raises:
        InputError: Another driver has begun a sweep here meanwhile.
    """
    if any(isinstance(entry.event, Planned) for entry in ledger.entries):
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
    """
    Raises:
        InputError: The ledger is empty, so that there is nothing to extend or to try again: that of a driver
            that died before its first event is as good as none.
    """
    if not history.spec and (options.extend is not None or options.retry_failed):
        raise InputError(Message("the sweep has not begun: go on with ", RESUME, " alone"))
