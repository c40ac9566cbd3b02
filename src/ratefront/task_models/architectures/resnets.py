"""torchvision's residual networks (He et al. 2016), cut between their blocks."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from torch import nn

from ratefront.catalogue.task_models import ImageNetParameters
from ratefront.task_models.architectures.imagenet_models import ImageNetModel


def _build(
    name: str, file: str, parameters: ImageNetParameters, classes: int, shape: Sequence[int]
) -> ImageNetModel:
    """Build a ResNet for images (1 or 3, H, W) of at least 32×32 pixels; ``file`` has the IMAGENET1K_V1 weights."""
    from torchvision import models

    make = getattr(models, name)
    url = f"https://download.pytorch.org/models/{file}"
    return ImageNetModel(lambda k: make(num_classes=k), _stages, url, parameters, classes)


def _stages(network: Any) -> list[tuple[str, nn.Module]]:
    layers = [getattr(network, f"layer{i}") for i in range(1, 5)]
    return [
        ("stem", nn.Sequential(network.conv1, network.bn1, network.relu, network.maxpool)),
        *((f"layer{i + 1}.{b}", block) for i, layer in enumerate(layers) for b, block in enumerate(layer)),
        ("pool", nn.Sequential(network.avgpool, nn.Flatten())),
        ("classifier", network.fc),
    ]


build_resnet18 = partial(_build, "resnet18", "resnet18-f37072fd.pth")
build_resnet34 = partial(_build, "resnet34", "resnet34-b627a593.pth")
build_resnet50 = partial(_build, "resnet50", "resnet50-0676ba61.pth")
build_resnet101 = partial(_build, "resnet101", "resnet101-63fe2227.pth")
