"""Which failed attempts are worth another try, and how often."""

from __future__ import annotations

from ratefront.history.sweep_history import OUT_OF_MEMORY, TrialHistory


def is_final(error: str, retryable: bool, trial: TrialHistory, retries: int) -> bool:
    """True where the running trial, whose attempt ends in ``error``, has failed for good.

    ``error`` is the class name, ``retryable`` what the error says of itself. An attempt that got further than all
    before it costs nothing: on machines that are taken away every hour a long trial ends nevertheless, and as its
    steps are finite, so are its attempts. Attempts lost with their driver do not count either.
    """
    worth_it = retryable or error in OUT_OF_MEMORY
    return not worth_it or (not trial.got_further and trial.setbacks >= retries)


def batch_divisor(trial: TrialHistory) -> int:
    """Into how many parts a batch is cut: twice as many each time that memory ran out."""
    return int(2**trial.memory_failures)
