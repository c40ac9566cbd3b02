"""The code that a task model of a user's, or of a plugin's, is made by: a change of it makes another task model."""

from __future__ import annotations

import torch

from ratefront.data.splits import Dataset
from ratefront.own_code import digests_of, is_own, own_modules
from ratefront.spec.schema import SweepSpec
from ratefront.spec.targets import module_of_task_model
from ratefront.tasks.build import build_task_model


def code_of_task_model(spec: SweepSpec, data: Dataset) -> dict[str, str]:
    """A digest of each module that the task model is made by and that is no part of ratefront or torch: that of the
    function, those of the classes in the model, and what they import of the user's own.
    """
    module = module_of_task_model(spec.task_model)
    if not is_own(module):
        return {}
    with torch.random.fork_rng(devices=[]):
        model = build_task_model(spec.task_model, data.classes, data.shape, data.name)
    return digests_of(own_modules([module], {type(part).__module__ for part in model.modules()}))
