"""Build the task model that a sweep file describes, with arbitrary weights."""

from __future__ import annotations

from collections.abc import Sequence

from ratefront.catalogue import CATALOGUE
from ratefront.complexity.stored_precision import keep_fp32
from ratefront.errors import InputError
from ratefront.spec.sweep_spec import Named
from ratefront.task_models.task_model import TaskModel


def build_task_model(
    named: Named, classes: int, shape: Sequence[int], dataset: str = "the data set"
) -> TaskModel:
    """Build the architecture for the shape of a sample, (C, H, W) or (P, 3), and the number of classes.

    Args:
        named: The name and the parameters of the task model in the sweep file.
        classes: The number of classes, K.
        shape: The shape of a sample.
        dataset: What a message calls the data set.

    Raises:
        InputError: The architecture does not take such samples.
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
