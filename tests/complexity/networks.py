"""Samples and networks that are counted."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

Network = Callable[[Tensor], object]


def images(channels: int, side: int = 6) -> Tensor:
    return torch.rand(1, channels, side, side)


def sequence(length: int = 5, width: int = 8) -> Tensor:
    return torch.rand(1, length, width)


ENCODER = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True).eval()
#: 5 tokens of width 8: projections of q, k, v and the output, two heads of attention, two linear layers.
ENCODER_MACS = 5 * 8 * 8 * 4 + 2 * 5 * 5 * 8 + 2 * 5 * 8 * 16
