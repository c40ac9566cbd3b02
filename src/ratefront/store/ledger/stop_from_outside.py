"""Stops a sweep or one of its trials from outside of the driver; a trial also where no driver runs."""

from __future__ import annotations

import time

from ratefront.errors import EngineError, InputError, LedgerLockedError
from ratefront.history.events import Stopped
from ratefront.history.sweep_history import SweepHistory, TrialHistory
from ratefront.store.ledger.driver_lock import driver_of
from ratefront.store.ledger.ledger_file import Ledger, LedgerReader
from ratefront.store.ledger.read_ledger import check_is_sweep, read_history
from ratefront.store.ledger.stop_requests import StopRequest, leave_request
from ratefront.store.sweep_folder import SweepFolder
from ratefront.wording import Argument, Call, Message

#: A driver reads requests several times a second, unless it is starting. Ending Ray and the trackers takes a while.
PATIENCE_S = 120.0
_LOOK_S = 0.1


def stop_sweep(folder: SweepFolder, reason: str, patience_s: float = PATIENCE_S) -> None:
    """Ask the driver to end, and wait until it has released the ledger. The sweep can be resumed.

    Raises:
        InputError: The folder holds no sweep, or no driver runs it.
        EngineError: The driver has not ended within ``patience_s``. It still will, when it reads the request.
    """
    check_is_sweep(folder)
    if driver_of(folder) is None:  # asked first: reading a long ledger takes seconds
        is_ended = read_history(folder, keeps_curves=False).ended
        how = ["the sweep has ended"] if is_ended else ["go on with: ", _resuming(folder)]
        raise InputError(Message(f"no driver runs {folder.path}; ", *how))
    request = leave_request(folder, StopRequest(None, reason))
    deadline = time.monotonic() + patience_s
    while driver := driver_of(folder):
        if time.monotonic() > deadline:
            raise EngineError(
                f"{driver.name} was asked to end {patience_s:g} s ago and has not yet; it will when it reads the "
                "request, and killing it loses nothing"
            )
        time.sleep(_LOOK_S)
    request.unlink(
        missing_ok=True
    )  # where the driver ended by itself, the next one must not find the request


def _resuming(folder: SweepFolder) -> Call:
    return Call("rf.run", Argument("folder", str(folder.path)), Argument("resume", True))


def stop_trial(
    folder: SweepFolder, trial_id: str, reason: str, patience_s: float = PATIENCE_S
) -> TrialHistory:
    """Stop one trial, running or not yet started, and wait until it has ended. Returns the trial as it ended.

    Raises:
        InputError: The folder holds no sweep, the sweep no such trial, or the trial has ended.
        EngineError: The driver has not stopped it within ``patience_s``. It still will, when it reads the request.
    """
    watched = _Watched(folder)
    trial = _still_open(watched.history, trial_id)
    request, deadline = None, time.monotonic() + patience_s
    while not trial.ended:
        if time.monotonic() > deadline:
            raise EngineError(
                f"the driver was asked to stop {trial_id} {patience_s:g} s ago and has not yet; it will when it reads "
                "the request"
            )
        if driver_of(folder) is None:
            _stop_undriven(folder, watched, trial, reason)
        else:
            request = request or leave_request(folder, StopRequest(trial_id, reason))
            time.sleep(_LOOK_S)
        watched.look()
    if request is not None:
        request.unlink(missing_ok=True)
    return trial


class _Watched:
    """The history of a sweep whose ledger another process may be writing."""

    def __init__(self, folder: SweepFolder) -> None:
        check_is_sweep(folder)
        self._reader, self.history = LedgerReader(folder.ledger), SweepHistory()
        self.look()

    def look(self) -> None:
        for entry in self._reader.read_new():
            self.history.apply(entry)


def _still_open(history: SweepHistory, trial_id: str) -> TrialHistory:
    trial = history.trial(trial_id)
    if trial.ended:
        raise InputError(f"trial {trial_id} has already ended as {trial.status}")
    return trial


def _stop_undriven(folder: SweepFolder, watched: _Watched, trial: TrialHistory, reason: str) -> None:
    """Write the one event to the ledger, unless a driver takes the lock first."""
    try:
        with Ledger(folder.ledger) as ledger:
            watched.look()  # a driver may have come and gone since
            if not trial.ended:
                ledger.append(Stopped(trial.params.trial_id, trial.attempts, reason))
    except LedgerLockedError:
        return
