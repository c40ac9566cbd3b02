"""A small CNN for images of 8×8 pixels: three convolutions, a hidden layer, a classifier."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from ratefront.catalogue.task_models import TaskModelParameters
from ratefront.task_models.task_model import TaskModel


def _convolution(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1), nn.ReLU())


class SmallCNN(TaskModel):
    """Stages: conv1 16×8×8, conv2 32×4×4, conv3 64×2×2, hidden 64, classifier; about 40 000 weights."""

    def __init__(self, classes: int, channels: int = 1) -> None:
        super().__init__(
            [
                ("conv1", _convolution(channels, 16, stride=1)),
                ("conv2", _convolution(16, 32, stride=2)),
                ("conv3", _convolution(32, 64, stride=2)),
                ("hidden", nn.Sequential(nn.Flatten(), nn.Linear(64 * 2 * 2, 64), nn.ReLU())),
                ("classifier", nn.Linear(64, classes)),
            ]
        )


def build_small_cnn(parameters: TaskModelParameters, classes: int, shape: Sequence[int]) -> SmallCNN:
    """Build a small CNN for images (C, 8, 8)."""
    return SmallCNN(classes, shape[0])
