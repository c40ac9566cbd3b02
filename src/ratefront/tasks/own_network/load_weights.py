"""A network that was trained elsewhere: it is given its weights, and what is cut of it has to compute what it does."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from ratefront.errors import InputError
from ratefront.spec.schema import Named
from ratefront.tasks.build_task_model import build_task_model
from ratefront.tasks.float_rounding import MOST_ROUNDING, deviations
from ratefront.tasks.own_network.weights_file import fill, read_state
from ratefront.tasks.task_model import TaskModel, evaluating


def take_weights(model: TaskModel, path: Path) -> None:
    """Fill the task model's network with a file of weights.

    Raises:
        InputError: The file cannot be read or does not fit.
    """
    fill(model.network, read_state(path), f"task_model.weights: {path}")


def check_weights(named: Named, classes: int | None, shape: Sequence[int] | None) -> None:
    """What can be said of a sweep file's weights before anything is started; their fit, where the data are known.

    Raises:
        InputError: As ``take_weights``.
    """
    path = Path(named.parameters["weights"])
    if not (classes and shape):
        read_state(path)
        return
    with torch.random.fork_rng(devices=[]):
        take_weights(build_task_model(named, classes, shape), path)


@torch.no_grad()
def check_cut(model: TaskModel, images: Tensor, place: str) -> None:
    """See that the stages in a row give the logits (N, K) that the whole network gives of the same samples.

    ``place`` is what the message calls the task model.

    Raises:
        InputError: They do not, as where the network does something between its parts that no stage does.
    """
    with evaluating(model), evaluating(model.network):
        apart = deviations(model.in_a_row(images), model.as_given(images))
    if (apart > MOST_ROUNDING).any():
        raise InputError(
            f"{place}: its stages in a row do not compute what the network does: logits differ by up to "
            f"{float(apart.max()):.3g} of the largest; every operation between input and logits has to be in one of "
            "the stages"
        )
