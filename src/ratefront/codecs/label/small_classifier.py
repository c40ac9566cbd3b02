"""A small classifier for images or clouds, made for few bytes: normalised layers, and a linear one on a small map.

The normalisations (Ioffe and Szegedy 2015) serve the training. ``folded`` puts them into the layers before them, so
that no statistics are stored.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights
from typing_extensions import override

_FIRST_KERNEL, _KERNEL = 5, 3
_MOST_PLACES = 4  # sides of the map that the last layer sees


def small_classifier(sample: Sequence[int], classes: int, width: int, depth: int) -> nn.Sequential:
    """Build a classifier with normalisations, from samples (n, C, H, W) or (n, P, 3) to logits (n, K).

    Layer l of images has width·(1 + l/2) channels, rounded down, and halves the sides: the first by its stride, the
    others by max pooling. That of clouds has the same channels and works on each point (PointNet, Qi et al. 2017).

    Args:
        sample: The shape of a sample.
        classes: The number of classes K.
        width: Channels of the first layer.
        depth: Layers before the last, linear one.
    """
    channels = [width * (2 + layer) // 2 for layer in range(depth)]
    if len(sample) == 2:
        return _of_clouds(sample[1], channels, classes)
    layers: list[nn.Module] = []
    for layer, (inputs, outputs) in enumerate(itertools.pairwise([sample[0], *channels])):
        kernel, stride = (_FIRST_KERNEL, 2) if layer == 0 else (_KERNEL, 1)
        layers += [
            nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
        ]
        if layer:
            layers.append(nn.MaxPool2d(2, ceil_mode=True))
    height, side = (-(-sides // 2**depth) for sides in sample[1:])
    if max(height, side) > _MOST_PLACES:
        height, side = min(height, _MOST_PLACES), min(side, _MOST_PLACES)
        layers.append(nn.AdaptiveAvgPool2d((height, side)))
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels[-1] * height * side, classes))


def _of_clouds(axes: int, channels: Sequence[int], classes: int) -> nn.Sequential:
    layers: list[nn.Module] = [PointsLast()]
    for inputs, outputs in itertools.pairwise([axes, *channels]):
        layers += [nn.Conv1d(inputs, outputs, 1, bias=False), nn.BatchNorm1d(outputs), nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveMaxPool1d(1), nn.Flatten(), nn.Linear(channels[-1], classes))


class PointsLast(nn.Module):
    """Clouds (n, P, 3) as sequences (n, 3, P)."""

    @override
    def forward(self, clouds: Tensor) -> Tensor:
        return clouds.transpose(1, 2)


@torch.no_grad()
def folded(classifier: nn.Sequential) -> nn.Sequential:
    """Return a classifier without normalisations, which computes what the given one does in evaluation mode."""
    layers: list[nn.Module] = []
    for layer in classifier:
        if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
            convolution = layers.pop()
            assert isinstance(convolution, nn.Conv1d | nn.Conv2d), (
                "a convolution comes before each normalisation"
            )
            layers.append(_fused(convolution, layer))
        else:
            layers.append(layer)
    return nn.Sequential(*layers).eval()


def _fused(convolution: nn.Conv1d | nn.Conv2d, norm: nn.BatchNorm1d | nn.BatchNorm2d) -> nn.Module:
    assert norm.running_mean is not None
    assert norm.running_var is not None
    assert not isinstance(convolution.padding, str)
    fused = type(convolution)(
        convolution.in_channels,
        convolution.out_channels,
        convolution.kernel_size,  # type: ignore[arg-type]
        convolution.stride,  # type: ignore[arg-type]
        convolution.padding,  # type: ignore[arg-type]
        device=convolution.weight.device,
    )
    fused.weight, fused.bias = fuse_conv_bn_weights(
        convolution.weight, None, norm.running_mean, norm.running_var, norm.eps, norm.weight, norm.bias
    )
    return fused
