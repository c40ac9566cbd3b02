"""A trial looks whether its process has loaded what the sweep began with: a worker that starts later reads it anew."""

from __future__ import annotations

from ratefront.store.inputs import check_inputs
from ratefront.tasks.inputs import inputs_of_trials
from ratefront.trial.context import TrialContext


def check_unchanged(context: TrialContext) -> None:
    """
    Raises
    ------
    SweepMismatchError
        The data set or the code is another one than the sweep began with.
    """
    if context.inputs:
        before = {name: digest for name, digest in context.inputs.items() if _is_of_trials(name)}
        check_inputs(before, inputs_of_trials(context.spec), context.spec)


def _is_of_trials(name: str) -> bool:
    """Of what came from outside; the task model's weights are in the sweep's folder by now."""
    return name == "dataset" or name.startswith("code ")
