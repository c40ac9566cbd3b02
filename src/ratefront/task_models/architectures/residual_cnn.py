"""A small residual CNN (He et al. 2016) for images of 8×8 pixels or more: six blocks of two convolutions."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F

from ratefront.catalogue.task_models import ResidualCNNParameters
from ratefront.task_models.task_model import TaskModel

_GROUPS = 3
_BLOCKS = 2


def _convolution(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False), nn.BatchNorm2d(outputs)
    )


class ResidualBlock(nn.Module):
    """ReLU(x' + conv(ReLU(conv(x)))), where x' is x, or a 1×1 convolution of it where its shape changes."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = _convolution(inputs, outputs, stride)
        self.conv2 = _convolution(outputs, outputs, 1)
        self.skip: nn.Module = nn.Identity()
        if stride > 1 or inputs != outputs:
            self.skip = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, features: Tensor) -> Tensor:
        """Return the features behind the block."""
        inner: Tensor = self.conv2(F.relu(self.conv1(features)))
        return F.relu(inner + self.skip(features))


class ResidualCNN(TaskModel):
    """Stages: stem w×H×W, block1 w×H/2×W/2, block2 2w×H/4×W/4, block3 4w×H/8×W/8, pool 4w, classifier."""

    def __init__(self, classes: int, channels: int, width: int = 32) -> None:
        stages: list[tuple[str, nn.Module]] = [
            ("stem", nn.Sequential(*_convolution(channels, width, 1), nn.ReLU()))
        ]
        inputs = width
        for group in range(_GROUPS):
            outputs = width * 2**group
            for block in range(_BLOCKS):
                stages.append(
                    (f"block{group + 1}.{block}", ResidualBlock(inputs, outputs, 1 if block else 2))
                )
                inputs = outputs
        pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        super().__init__([*stages, ("pool", pool), ("classifier", nn.Linear(inputs, classes))])


def build_residual_cnn(parameters: ResidualCNNParameters, classes: int, shape: Sequence[int]) -> ResidualCNN:
    """Build a residual CNN for images (C, H, W) of at least 8×8 pixels."""
    return ResidualCNN(classes, shape[0], parameters.width)
