"""The validation accuracy of a model during its training, measured without a change to the training."""

from __future__ import annotations

import math

import torch
from torch import nn

from ratefront.data.dataset import Split
from ratefront.data.stored_samples import evenly_spaced
from ratefront.task_models.task_model import evaluation_mode, predict_logits

#: Samples for the accuracy after each epoch: it is then known to a percent, and costs little.
_MOST_SAMPLES = 2000
_MOST_VALUES = 2**26  # values that they may hold together, since they stay in memory for all epochs


def subset_size(split: Split) -> int:
    """Return how many samples of a split the accuracy is measured on."""
    return max(1, min(_MOST_SAMPLES, len(split), _MOST_VALUES // math.prod(split.images.shape[1:])))


def validation_subset(split: Split) -> Split:
    """Read ``subset_size`` samples at even distances: they may be in the order of their classes."""
    positions = evenly_spaced(split, subset_size(split))
    return Split(split.images[positions], split.labels[positions])


def accuracy_during_training(model: nn.Module, split: Split) -> float:
    """Return the accuracy of the model as it is now; its mode and the states of random generators stay the same."""
    devices = [torch.cuda.current_device()] if torch.cuda.is_initialized() else []
    with evaluation_mode(model), torch.random.fork_rng(devices):
        predicted = predict_logits(model, split.images).argmax(dim=1).numpy()
    return float((predicted == split.labels).mean())
