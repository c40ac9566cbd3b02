"""The retry bound: which failed attempts are tried again, how often, with what, and which failures end the sweep."""

from __future__ import annotations

from dataclasses import replace

from ratefront.errors import EngineError, StorageFullError, SweepMismatchError
from ratefront.history.events import Failed
from ratefront.history.sweep_history import OUT_OF_MEMORY_ERRORS, TrialHistory

#: Errors that every further trial would run into as well: class name → what to do about it, where the error itself
#: does not say so.
_SWEEP_ENDING_ERRORS = {
    StorageFullError.__name__: "; make room, then go on with the sweep",
    SweepMismatchError.__name__: "",
}


def judge_failure(trial: TrialHistory, failure: Failed, retries: int) -> Failed:
    """Decide whether a failed attempt of ``trial`` is its last.

    Args:
        trial: The trial as it stood before the attempt failed.
        failure: The message of the worker, not judged yet.
        retries: How often a trial is tried again (``retries`` in the sweep file).

    Returns:
        The failure with ``final`` filled in.

    Raises:
        EngineError: Every further trial would fail in the same way, so the sweep cannot go on.
    """
    if failure.error in _SWEEP_ENDING_ERRORS:
        raise EngineError(f"trial {failure.trial_id}: {failure.reason}{_SWEEP_ENDING_ERRORS[failure.error]}")
    return replace(failure, final=not _is_tried_again(trial, failure, retries))


def _is_tried_again(trial: TrialHistory, failure: Failed, retries: int) -> bool:
    """Whether the error may pass and the trial has a retry left.

    An attempt that got further than every earlier one uses up no retry. So a long trial ends even on machines that are
    taken away every hour; as its steps are finite, its attempts are finite as well. Attempts that were lost together
    with their driver use up no retry either.
    """
    may_pass = failure.retryable or failure.error in OUT_OF_MEMORY_ERRORS
    return may_pass and (trial.got_further or trial.setbacks < retries)
