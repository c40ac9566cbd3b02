"""A student: a small encoder from the sample to latents, trained from scratch to give the back end its features.

::

    X ─ g_a (small) ─ ŷ ─ entropy coder ─ ŷ ─ g_s ─ features' ─ back end ─ class

RA Fig. 8 bottom, eq. 10–11 (entropic student, Matsubara et al. 2022): first the task model's features are distilled,
then the whole is fine-tuned on labels. The transmitter holds nothing of the task model.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

_POINT_HIDDEN = 2  # times the width: of the shared network of a point


def student_encoder(sample: Sequence[int], latents: Sequence[int], width: int, depth: int) -> nn.Sequential:
    """g_a for samples (C, H, W) or (P, 3) to latents (L,) or (L, h, w): ``depth`` strided convolutions of ``width``."""
    if len(sample) == 2:
        return _of_points(sample, latents, width, depth)
    layers: list[nn.Module] = []
    channels, height, side = sample[0], sample[1], sample[2]
    least = latents[1] if len(latents) == 3 else 2
    for _ in range(depth):
        stride = 2 if min(height, side) >= 2 * least else 1
        layers += [nn.Conv2d(channels, width, 3, stride=stride, padding=1), nn.ReLU()]
        channels, height, side = width, -(-height // stride), -(-side // stride)
    if len(latents) == 3:
        return nn.Sequential(
            *layers, nn.AdaptiveAvgPool2d((latents[1], latents[2])), nn.Conv2d(channels, latents[0], 1)
        )
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels * height * side, latents[0]))


def _of_points(sample: Sequence[int], latents: Sequence[int], width: int, depth: int) -> nn.Sequential:
    """The same network for each point, and the greatest of each of its outputs (as PointNet does)."""
    layers: list[nn.Module] = []
    channels = sample[1]
    for _ in range(depth):
        layers += [nn.Linear(channels, width), nn.ReLU()]
        channels = width
    hidden = _POINT_HIDDEN * width
    return nn.Sequential(*layers, nn.Linear(channels, hidden), Greatest(), nn.Linear(hidden, latents[0]))


class Greatest(nn.Module):
    """(n, P, F) to (n, F): the greatest value of each feature over all points."""

    def forward(self, points: Tensor) -> Tensor:
        return torch.amax(points, dim=1)
