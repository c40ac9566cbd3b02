"""A task model of a sweep file's description, with arbitrary weights."""

from __future__ import annotations

from collections.abc import Sequence

from ratefront.catalogue import CATALOGUE
from ratefront.spec.schema import Named
from ratefront.tasks.model import TaskModel


def build_task_model(named: Named, classes: int, shape: Sequence[int]) -> TaskModel:
    """The architecture for samples of this shape, (C, H, W) or (P, 3), and so many classes.

    Raises
    ------
    InputError
        The architecture does not take such samples.
    """
    registered = CATALOGUE.task_models[named.name]
    parameters = registered.parameters(**named.parameters)
    model: TaskModel = registered.load()(parameters, classes, tuple(shape))
    return model
