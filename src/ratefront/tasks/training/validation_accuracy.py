"""A look at a model in the middle of its training that leaves no trace in it."""

from __future__ import annotations

import math

import torch
from torch import nn

from ratefront.data.dataset import Split
from ratefront.data.stored_samples import evenly_spaced
from ratefront.tasks.task_model import evaluation_mode, predict_logits

#: Samples that an accuracy is told from after each epoch: it is then known to a percent, and costs little.
_MOST_SAMPLES = 2000
_NUMBERS = 2**26  # that all of them together hold in memory, since they are looked at again and again


def subset_size(split: Split) -> int:
    """How many of its samples an accuracy is told from."""
    return max(1, min(_MOST_SAMPLES, len(split), _NUMBERS // math.prod(split.images.shape[1:])))


def validation_subset(split: Split) -> Split:
    """So many of its samples, read once, spread over all of it: they may be in the order of their classes."""
    positions = evenly_spaced(split, subset_size(split))
    return Split(split.images[positions], split.labels[positions])


def accuracy_during_training(model: nn.Module, split: Split) -> float:
    """The model's accuracy as it is now; neither its mode nor any chance that it draws on is moved."""
    devices = [torch.cuda.current_device()] if torch.cuda.is_initialized() else []
    with evaluation_mode(model), torch.random.fork_rng(devices):
        predicted = predict_logits(model, split.images).argmax(dim=1).numpy()
    return float((predicted == split.labels).mean())
