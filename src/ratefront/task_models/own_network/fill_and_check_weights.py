"""Load the weights of a network that was trained elsewhere into a task model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from ratefront.spec.sweep_spec import Named
from ratefront.task_models.build_task_model import build_task_model
from ratefront.task_models.own_network.read_weights_file import fill_network, read_state_dict
from ratefront.task_models.task_model import TaskModel


def load_weights(model: TaskModel, path: Path) -> None:
    """Fill the task model's network with a file of weights.

    Raises:
        InputError: The file cannot be read or does not fit.
    """
    fill_network(model.network, read_state_dict(path), f"task_model.weights: {path}")


def check_weights_fit(named: Named, classes: int | None, shape: Sequence[int] | None) -> None:
    """Check a sweep file's weights before the sweep starts: that they can be read and, if the data are known, fit.

    Args:
        named: The task model in the sweep file; its parameter ``weights`` is set.
        classes: The number of classes, if known.
        shape: The shape of a sample, if known.

    Raises:
        InputError: As ``load_weights``.
    """
    path = Path(named.parameters["weights"])
    if not (classes and shape):
        read_state_dict(path)
        return
    with torch.random.fork_rng(devices=[]):
        load_weights(build_task_model(named, classes, shape), path)
