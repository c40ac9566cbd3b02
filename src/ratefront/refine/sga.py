"""Stochastic Gumbel annealing (Yang, Bamler, Mandt 2020; GP §III.A.4): latents of one sample are optimised at
encode time.
 Everything but the latents is frozen. All samples of a batch are optimised side by side and none sees
another: the losses add up, Adam works element by element, and the noise is one draw for all of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

_WARMEST = 0.5
_COLDEST = 0.05
_FINAL_RATE = 0.02  # of the first learning rate (GP: 5e-3 to 1e-4)


class Relaxable(Protocol):
    """What annealing needs of a bottleneck."""

    def relax(self, parameters: Tensor, temperature: float, generator: torch.Generator) -> Tensor: ...

    def quantize(self, parameters: Tensor) -> Tensor: ...

    def dequantize(self, latents: Tensor) -> Tensor: ...


@dataclass(frozen=True)
class SGASettings:
    """``steps`` of Adam from ``learning_rate``, temperature falling geometrically from 0.5 to 0.05."""

    steps: int
    learning_rate: float
    seed: int = 0

    def temperature(self, step: int) -> float:
        return float(_WARMEST * (_COLDEST / _WARMEST) ** (step / max(1, self.steps - 1)))

    def rate(self, step: int) -> float:
        cosine = (1 + math.cos(math.pi * step / self.steps)) / 2
        return self.learning_rate * (_FINAL_RATE + (1 - _FINAL_RATE) * cosine)


def anneal(
    bottleneck: Relaxable, parameters: Tensor, loss: Callable[[Tensor], Tensor], settings: SGASettings
) -> Tensor:
    """Better parameters (n, ...) for a loss (n,) of relaxed latents.

    A sample whose integers do not lower its loss keeps the parameters that it came with.
    """
    moved = parameters.detach().clone().requires_grad_()
    optimiser = torch.optim.Adam([moved], lr=settings.learning_rate)
    generator = torch.Generator().manual_seed(settings.seed)
    with torch.enable_grad():
        for step in range(settings.steps):
            optimiser.param_groups[0]["lr"] = settings.rate(step)
            relaxed = bottleneck.relax(moved, settings.temperature(step), generator)
            (moved.grad,) = torch.autograd.grad(loss(relaxed).sum(), moved)
            optimiser.step()
    return _better(bottleneck, parameters, moved.detach(), loss)


@torch.no_grad()
def _better(bottleneck: Relaxable, before: Tensor, after: Tensor, loss: Callable[[Tensor], Tensor]) -> Tensor:
    losses = [loss(bottleneck.dequantize(bottleneck.quantize(parameters))) for parameters in (before, after)]
    improved = losses[1] < losses[0]
    return torch.where(improved.reshape(-1, *[1] * (before.ndim - 1)), after, before)
