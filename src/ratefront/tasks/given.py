"""A network that was trained elsewhere: it is given its weights, and what is cut of it has to compute what it does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ratefront.errors import InputError
from ratefront.spec.schema import Named
from ratefront.tasks.build import build_task_model
from ratefront.tasks.model import TaskModel
from ratefront.tasks.state_file import fill, read_state

_RELATIVE = 1e-4  # of the largest logit: what the same sums may differ by in another order


def take_weights(model: TaskModel, path: Path) -> None:
    """Fill the task model's network with a file of weights.

    Raises
    ------
    InputError
        The file cannot be read or does not fit.
    """
    fill(model.network, read_state(path), f"task_model.weights: {path}")


def check_weights(named: Mapping[str, Any], classes: int | None, shape: Sequence[int] | None) -> None:
    """What can be said of a sweep file's weights before anything is started; their fit, where the data are known.

    Raises
    ------
    InputError
        As ``take_weights``.
    """
    path = Path(str(named["weights"]))
    if not (classes and shape):
        read_state(path)
        return
    with torch.random.fork_rng(devices=[]):
        take_weights(build_task_model(Named.model_validate(dict(named)), classes, shape), path)


@torch.no_grad()
def check_cut(model: TaskModel, images: Tensor, place: str) -> None:
    """See that the stages in a row give the logits (N, K) that the whole network gives of the same samples.

    ``place`` is what the message calls the task model.

    Raises
    ------
    InputError
        They do not, as where the network does something between its parts that no stage does.
    """
    model.eval()
    model.network.eval()
    given, cut = model.as_given(images).float(), model.in_a_row(images).float()
    difference = float((given - cut).abs().max())
    if not difference <= _RELATIVE * max(1.0, float(given.abs().max())):
        raise InputError(
            f"{place}: its stages in a row do not compute what the network does: logits differ by up to "
            f"{difference:.3g}; every operation between input and logits has to be in one of the stages"
        )
