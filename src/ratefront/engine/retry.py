"""Which failed attempts are worth another try, and how often."""

from __future__ import annotations

#: Attempts after the first that an error may cost a trial. Attempts lost with their driver do not count.
MAX_RETRIES = 2

#: Errors that are not ours and still pass: Python's and torch's names for a memory that was full at the time.
OUT_OF_MEMORY = frozenset({"MemoryError", "OutOfMemoryError"})


def is_final(error: str, retryable: bool, failures_before: int) -> bool:
    """True where the trial has failed for good.

    ``error`` is the class name, ``retryable`` what the error says of itself, ``failures_before`` counts the
    attempts of this trial that failed before this one.
    """
    worth_it = retryable or error in OUT_OF_MEMORY
    return not worth_it or failures_before >= MAX_RETRIES
