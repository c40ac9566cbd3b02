"""PointNet (Qi et al. 2017) without its transformation networks; its output ignores the order of the points."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from ratefront.catalogue.task_models import PointNetParameters
from ratefront.task_models.task_model import TaskModel

_HIDDEN = (512, 256)
_DROPOUT = 0.3


def _shared_layer(inputs: int, outputs: int) -> nn.Sequential:
    """Return one layer of the MLP that all points share: (N, inputs, P) to (N, outputs, P)."""
    return nn.Sequential(nn.Conv1d(inputs, outputs, 1, bias=False), nn.BatchNorm1d(outputs), nn.ReLU())


def _linear(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, outputs, bias=False), nn.BatchNorm1d(outputs), nn.ReLU())


class _PointsLast(nn.Module):
    """Clouds (N, P, 3) to (N, 3, P). The name of this class is part of the keys of cached features."""

    def forward(self, clouds: Tensor) -> Tensor:
        return clouds.transpose(1, 2)


class _LargestOfPoints(nn.Module):
    """Max pooling over the points. The name of this class is part of the keys of cached features."""

    def forward(self, features: Tensor) -> Tensor:
        return features.amax(dim=2)


class PointNet(TaskModel):
    """Stages for clouds (N, P, 3): mlp1 w×P, mlp2 2w×P, mlp3 16w×P, pool 16w, hidden1 512, hidden2 256, classifier."""

    def __init__(self, classes: int, width: int = 64) -> None:
        deepest = 16 * width
        super().__init__(
            [
                ("mlp1", nn.Sequential(_PointsLast(), *_shared_layer(3, width))),
                ("mlp2", _shared_layer(width, 2 * width)),
                ("mlp3", _shared_layer(2 * width, deepest)),
                ("pool", _LargestOfPoints()),
                ("hidden1", _linear(deepest, _HIDDEN[0])),
                ("hidden2", nn.Sequential(*_linear(*_HIDDEN), nn.Dropout(_DROPOUT))),
                ("classifier", nn.Linear(_HIDDEN[1], classes)),
            ]
        )


def build_pointnet(parameters: PointNetParameters, classes: int, shape: Sequence[int]) -> PointNet:
    """Build a PointNet for clouds (P, 3) of any number of points."""
    return PointNet(classes, parameters.width)
