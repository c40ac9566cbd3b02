"""torchvision's VGG-16 (Simonyan and Zisserman 2015), cut behind each convolution, pooling and linear layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import nn

from ratefront.catalogue.task_models import ImageNetParameters
from ratefront.task_models.architectures.imagenet_models import ImageNetModel

_URL = "https://download.pytorch.org/models/vgg16-397923af.pth"


def build_vgg16(parameters: ImageNetParameters, classes: int, shape: Sequence[int]) -> ImageNetModel:
    """Build a VGG-16 for images (1 or 3, H, W) of at least 32×32 pixels."""
    from torchvision import models

    return ImageNetModel(lambda k: models.vgg16(num_classes=k), _stages, _URL, parameters, classes)


def _stages(network: Any) -> list[tuple[str, nn.Module]]:
    fc6, relu6, dropout6, fc7, relu7, dropout7, fc8 = network.classifier
    return [
        *_convolutions(network.features),
        ("fc6", nn.Sequential(network.avgpool, nn.Flatten(), fc6, relu6, dropout6)),
        ("fc7", nn.Sequential(fc7, relu7, dropout7)),
        ("classifier", fc8),
    ]


def _convolutions(features: nn.Sequential) -> list[tuple[str, nn.Module]]:
    """Return the stages, named as in the paper's table: conv1_1, conv1_2, pool1, conv2_1 and so on."""
    stages: list[tuple[str, nn.Module]] = []
    group = convolution = 1
    for layer, following in zip(features, [*list(features)[1:], None], strict=True):
        if isinstance(layer, nn.Conv2d) and following is not None:
            stages.append((f"conv{group}_{convolution}", nn.Sequential(layer, following)))
            convolution += 1
        elif isinstance(layer, nn.MaxPool2d):
            # The same result for multiples of 32; for other sizes no edge is lost. The network keeps its own pooling.
            pool = nn.MaxPool2d(layer.kernel_size, layer.stride, layer.padding, ceil_mode=True)
            stages.append((f"pool{group}", pool))
            group, convolution = group + 1, 1
    return stages
