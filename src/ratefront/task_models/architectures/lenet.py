"""LeNet-5 (LeCun et al. 1998) with ReLU, batch normalisation and max pooling, for 28×28 or 32×32 pixels."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from ratefront.catalogue.task_models import LeNetParameters
from ratefront.task_models.task_model import TaskModel

_HIDDEN = (120, 84)  # as in LeNet-5


def _convolution(inputs: int, outputs: int) -> nn.Sequential:
    """Return a 5×5 convolution that halves the sides; pooling comes first, so that a quarter is left to normalise."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 5, padding=2, bias=False),
        nn.MaxPool2d(2),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
    )


def _linear(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, outputs, bias=False), nn.BatchNorm1d(outputs), nn.ReLU())


class LeNet(TaskModel):
    """Stages and shapes of features: conv1 w×H/2×W/2, conv2 2w×H/4×W/4, fc1 120, fc2 84, classifier."""

    def __init__(self, classes: int, shape: Sequence[int], width: int = 32) -> None:
        channels, height, pixels = shape
        features = 2 * width * (height // 4) * (pixels // 4)
        super().__init__(
            [
                ("conv1", _convolution(channels, width)),
                ("conv2", _convolution(width, 2 * width)),
                ("fc1", nn.Sequential(nn.Flatten(), *_linear(features, _HIDDEN[0]))),
                ("fc2", _linear(*_HIDDEN)),
                ("classifier", nn.Linear(_HIDDEN[1], classes)),
            ]
        )


def build_lenet(parameters: LeNetParameters, classes: int, shape: Sequence[int]) -> LeNet:
    """Build a LeNet for images (C, 28, 28) or (C, 32, 32)."""
    return LeNet(classes, shape, parameters.width)
