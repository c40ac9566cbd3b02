"""g_a and g_s of a bottleneck: between features and a vector of latents, or a map of latents that keeps positions."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from torch import Tensor, nn
from typing_extensions import override

from ratefront.catalogue.bottlenecks import HALVED_FROM, latent_map

_SYNTHESIS_WIDTH = 96
_ANALYSIS_CHANNELS = 24


def vector_analysis(shape: Sequence[int], outputs: int) -> nn.Sequential:
    """g_a for features (C, H, W) or (C,), giving (outputs,). It is small, since the transmitter holds it.

    Sides of large maps are halved first.
    """
    if len(shape) == 3 and shape[1] >= HALVED_FROM:
        height, width = (shape[1] + 1) // 2, (shape[2] + 1) // 2
        halved = nn.Conv2d(shape[0], _ANALYSIS_CHANNELS, 3, stride=2, padding=1)
        return nn.Sequential(
            halved, nn.ReLU(), nn.Flatten(), nn.Linear(_ANALYSIS_CHANNELS * height * width, outputs)
        )
    return nn.Sequential(nn.Flatten(), nn.Linear(prod(shape), outputs))


def vector_synthesis(inputs: int, shape: Sequence[int]) -> nn.Sequential:
    """g_s from (inputs,) to features of this shape. The receiver may be large."""
    return nn.Sequential(
        nn.Linear(inputs, _SYNTHESIS_WIDTH),
        nn.ReLU(),
        nn.Linear(_SYNTHESIS_WIDTH, prod(shape)),
        nn.Unflatten(1, tuple(shape)),
    )


def map_shape(shape: Sequence[int], channels: int) -> tuple[int, ...]:
    """Shape (channels, h, w) of the latents that ``map_analysis`` makes of features (C, H, W); else (channels,)."""
    if len(shape) != 3:
        return (channels,)
    return (channels, *latent_map(shape[1], shape[2]))


def map_analysis(shape: Sequence[int], channels: int, *, letters: bool = False) -> nn.Sequential:
    """g_a for features (C, H, W) to latents of ``map_shape``.

    Its hidden layer has at least as many channels as the latents, except where these are the scores of ``letters``:
    a letter of many values carries no more than a few numbers.
    """
    if shape[1] >= HALVED_FROM:
        hidden = _ANALYSIS_CHANNELS if letters else max(_ANALYSIS_CHANNELS, channels)
        return nn.Sequential(
            nn.Conv2d(shape[0], hidden, 3, stride=2, padding=1), nn.ReLU(), nn.Conv2d(hidden, channels, 1)
        )
    return nn.Sequential(nn.Conv2d(shape[0], channels, 1))


def map_synthesis(channels: int, shape: Sequence[int]) -> nn.Sequential:
    """g_s from latents of ``map_shape`` back to features (C, H, W)."""
    if shape[1] < HALVED_FROM:
        return nn.Sequential(
            nn.Conv2d(channels, _SYNTHESIS_WIDTH, 1), nn.ReLU(), nn.Conv2d(_SYNTHESIS_WIDTH, shape[0], 1)
        )
    return nn.Sequential(
        nn.Conv2d(channels, 4 * _SYNTHESIS_WIDTH, 3, padding=1),
        nn.PixelShuffle(2),
        nn.ReLU(),
        nn.Conv2d(_SYNTHESIS_WIDTH, shape[0], 3, padding=1),
        Crop(shape[1], shape[2]),
    )


class Crop(nn.Module):
    """The upper left part of maps (n, C, h, w): an odd side that is halved, rounded up and doubled is too long."""

    def __init__(self, height: int, width: int) -> None:
        super().__init__()
        self.height, self.width = height, width

    @override
    def forward(self, maps: Tensor) -> Tensor:
        return maps[:, :, : self.height, : self.width]
