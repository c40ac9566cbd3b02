"""A trial is a pure function of its parameters and context; it knows neither Ray, nor MLflow, nor Optuna."""

from __future__ import annotations

from collections.abc import Callable, Generator

from ratefront.records import Progress, TrialParams, TrialResult
from ratefront.trial.context import TrialContext


def trial_steps(params: TrialParams, context: TrialContext) -> Generator[Progress, None, TrialResult]:
    """Run a trial step by step: yields after each epoch, returns the result. Closing the generator stops it."""
    raise NotImplementedError
    yield


def run_trial(
    params: TrialParams, context: TrialContext, report: Callable[[Progress], None] = lambda progress: None
) -> TrialResult:
    """Run a trial to its end, calling ``report`` after each epoch."""
    steps = trial_steps(params, context)
    while True:
        try:
            report(next(steps))
        except StopIteration as end:
            result: TrialResult = end.value
            return result
