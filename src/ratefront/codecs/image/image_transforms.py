"""g_a and g_s of CompressAI's image models (Ballé et al. 2018; ``compressai.models.google``), of any depth.

::

    X ─ pad ─ conv ↓2 ─ GDN ─ … ─ conv ↓2 ─ y          ŷ ─ deconv ↑2 ─ IGDN ─ … ─ deconv ↑2 ─ crop ─ X̂

With four halvings the layers are the library's own, kernel for kernel. This module imports CompressAI, so that a
receiver of learned images needs it; no other receiver does.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional as F
from typing_extensions import override

from ratefront.codecs.bottleneck.feature_transforms import Crop

with warnings.catch_warnings(action="ignore", category=FutureWarning):  # torch's, to CompressAI's developers
    from compressai.layers import GDN
    from compressai.models.utils import conv, deconv


def latent_shape(shape: Sequence[int], channels: int, halvings: int) -> tuple[int, int, int]:
    """(channels, h, w) of the latents of images (C, H, W)."""
    return channels, -(-shape[1] // 2**halvings), -(-shape[2] // 2**halvings)


def image_analysis(shape: Sequence[int], hidden: int, channels: int, halvings: int) -> nn.Sequential:
    """g_a from images (C, H, W) to latents of ``latent_shape``; ``hidden`` is the width between."""
    widths = [shape[0], *[hidden] * (halvings - 1), channels]
    layers: list[nn.Module] = [PadToMultiple(2**halvings)]
    for inputs, outputs in pairwise(widths):
        layers += [conv(inputs, outputs), GDN(outputs)]
    return nn.Sequential(*layers[:-1])


def image_synthesis(shape: Sequence[int], hidden: int, channels: int, halvings: int) -> nn.Sequential:
    """g_s from latents of ``latent_shape`` to images (C, H, W); ``hidden`` is the width between."""
    widths = [channels, *[hidden] * (halvings - 1), shape[0]]
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(widths):
        layers += [deconv(inputs, outputs), GDN(outputs, inverse=True)]
    return nn.Sequential(*layers[:-1], Crop(shape[1], shape[2]))


class PadToMultiple(nn.Module):
    """Maps (n, C, H, W), padded on the right and below with their last pixels until the sides are multiples."""

    def __init__(self, multiple: int) -> None:
        super().__init__()
        self.multiple = multiple

    @override
    def forward(self, maps: Tensor) -> Tensor:
        height, width = (-side % self.multiple for side in maps.shape[2:])
        return F.pad(maps, (0, width, 0, height), mode="replicate")
