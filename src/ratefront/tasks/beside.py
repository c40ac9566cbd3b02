"""A look at a model in the middle of its training that leaves no trace in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import nn

from ratefront.data.samples import Chosen
from ratefront.data.splits import Split
from ratefront.tasks.model import predict_logits

#: Samples that an accuracy is told from after each epoch: it is then known to a percent, and costs little.
FEW = 2000


def few_of(split: Split) -> Split:
    """At most ``FEW`` of its samples, spread over all of it: they may be in the order of their classes."""
    if len(split) <= FEW:
        return split
    positions = np.linspace(0, len(split) - 1, FEW).astype(np.int64)
    return Split(Chosen(split.images, positions), split.labels[positions])


def accuracy_beside(model: nn.Module, split: Split) -> float:
    """The model's accuracy as it is now; neither its mode nor any chance that it draws on is moved."""
    with _unmoved(model):
        predicted = predict_logits(model, split.images).argmax(dim=1).numpy()
    return float((predicted == split.labels).mean())


@contextmanager
def _unmoved(model: nn.Module) -> Iterator[None]:
    """The mode of each module: those that are frozen may be in another one than the rest."""
    modes = [(module, module.training) for module in model.modules()]
    devices = [torch.cuda.current_device()] if torch.cuda.is_initialized() else []
    with torch.random.fork_rng(devices):
        try:
            yield
        finally:
            for module, mode in modes:
                module.training = mode
