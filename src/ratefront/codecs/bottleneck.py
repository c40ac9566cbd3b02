"""A learned bottleneck: features to latents (g_a), latents to features (g_s), and an entropy model between.

Latents have three forms: ``parameters``, what g_a gives and per-sample optimisation moves; ``relaxed``, what
g_s and the entropy model take while gradients are needed; integers, what is sent. Subclasses are one entropy
model each.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor, nn

from ratefront.codecs.settled import SettledProbabilities

_SYNTHESIS_WIDTH = 96
_ANALYSIS_CHANNELS = 24


def analysis_transform(shape: Sequence[int], outputs: int) -> nn.Sequential:
    """g_a for features (C, H, W) or (C,): small, because the transmitter carries it. Large maps are halved first."""
    if len(shape) == 3 and shape[1] >= 4:
        height, width = (shape[1] + 1) // 2, (shape[2] + 1) // 2
        halved = nn.Conv2d(shape[0], _ANALYSIS_CHANNELS, 3, stride=2, padding=1)
        return nn.Sequential(
            halved, nn.ReLU(), nn.Flatten(), nn.Linear(_ANALYSIS_CHANNELS * height * width, outputs)
        )
    return nn.Sequential(nn.Flatten(), nn.Linear(prod(shape), outputs))


def synthesis_transform(inputs: int, shape: Sequence[int]) -> nn.Sequential:
    """g_s back to features of this shape: the receiver may be large."""
    return nn.Sequential(
        nn.Linear(inputs, _SYNTHESIS_WIDTH),
        nn.ReLU(),
        nn.Linear(_SYNTHESIS_WIDTH, prod(shape)),
        nn.Unflatten(1, tuple(shape)),
    )


class Bottleneck(nn.Module, ABC):
    """g_a, g_s and the entropy model; ``elements`` integers are sent for a sample.

    ``prior`` is the trained entropy model: training and per-sample optimisation need it, a receiver does not.
    """

    g_a: nn.Sequential
    g_s: nn.Sequential
    prior: nn.Module | None
    settled: SettledProbabilities
    elements: int

    @abstractmethod
    def surrogate(self, parameters: Tensor, progress: float) -> tuple[Tensor, Tensor]:
        """Training: parameters to relaxed latents and their bits (n,). ``progress`` runs from 0 to 1."""

    @abstractmethod
    def relax(self, parameters: Tensor, temperature: float, generator: torch.Generator) -> Tensor:
        """A differentiable draw near the integers (SGA); the noise is the same for every sample of the batch."""

    @abstractmethod
    def unsettled(self, parameters: Tensor) -> Tensor:
        """Parameters to integers (n, elements), int32, whatever their range: what training looks at."""

    def harden(self, parameters: Tensor) -> Tensor:
        """Parameters to the integers (n, elements), int32, that are sent: saturated to the settled ranges."""
        low, high = self.settled.ranges
        return self.unsettled(parameters).clamp(low, high)

    @abstractmethod
    def embed(self, latents: Tensor) -> Tensor:
        """Integers (n, elements) to what g_s takes."""

    @abstractmethod
    def bits(self, relaxed: Tensor) -> Tensor:
        """−log2 likelihood (n,) of relaxed latents, differentiable."""

    @abstractmethod
    def settle(self, latents: Tensor) -> None:
        """End training: fix the probabilities, given the integers (N, elements) of the training split."""
