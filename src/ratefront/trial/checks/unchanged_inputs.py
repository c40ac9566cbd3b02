"""Checks that a trial's process has loaded the data and code that the sweep began with.

A worker that starts later reads both again, and they may have changed since.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from ratefront.errors import SweepMismatchError
from ratefront.spec.import_paths.target_modules import module_of_task_model
from ratefront.spec.sweep_spec import SweepSpec
from ratefront.store.same_inputs import check_inputs
from ratefront.store.sweep_folder import SweepFolder
from ratefront.task_models.input_digests import inputs_of_trials
from ratefront.task_models.stored_task_model import explain_changed_logits
from ratefront.trial.trial_context import TrialContext
from ratefront.user_modules import is_own_module


def check_inputs_unchanged(context: TrialContext) -> None:
    """Compare data and code with the context's digests, and what the code computes with the stored task model.

    Raises:
        SweepMismatchError: The data set, the code, or what the code computes is not what the sweep began with.
    """
    if context.inputs:
        before = {name: digest for name, digest in context.inputs.items() if _is_read_by_trials(name)}
        check_inputs(before, inputs_of_trials(context.spec), context.spec)
        _check_behaviour(context.spec.model_dump_json(), SweepFolder(context.folder).task_model)


@lru_cache(maxsize=2)
def _check_behaviour(spec_json: str, task_model: Path) -> None:
    """Check what the code computes, once a process: a process imports code only once."""
    spec = SweepSpec.model_validate_json(spec_json)
    if is_own_module(module_of_task_model(spec.task_model)) and (
        change := explain_changed_logits(spec, task_model)
    ):
        raise SweepMismatchError(change)


def _is_read_by_trials(name: str) -> bool:
    """Tell whether a trial reads this input from outside; the task model's weights are in the sweep's folder by now."""
    return name == "dataset" or name.startswith(("code ", "metric "))
