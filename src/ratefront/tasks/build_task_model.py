"""A task model of a sweep file's description, with arbitrary weights."""

from __future__ import annotations

from collections.abc import Sequence

from ratefront.catalogue import CATALOGUE
from ratefront.complexity.stored_precision import keep_fp32
from ratefront.errors import InputError
from ratefront.spec.schema import Named
from ratefront.tasks.task_model import TaskModel


def build_task_model(
    named: Named, classes: int, shape: Sequence[int], dataset: str = "the data set"
) -> TaskModel:
    """The architecture for samples of this shape, (C, H, W) or (P, 3), and so many classes.

    Raises:
        InputError: The architecture does not take such samples; ``dataset`` is what the message calls them.
    """
    registered = CATALOGUE.task_models[named.name]
    parameters = registered.parameters(**named.parameters)
    takes = registered.facts.get("takes")
    if takes is not None and (problem := takes.problem(named.name, dataset, shape)):
        raise InputError(f"task_model: {problem}")
    model: TaskModel = registered.load()(parameters, classes, tuple(shape))
    if parameters.precision == "fp32":
        keep_fp32(model)
    return model
