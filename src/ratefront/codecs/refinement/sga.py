"""SGA, stochastic Gumbel annealing (Yang, Bamler, Mandt 2020; GP §III.A.4), which a sweep file calls ``refine: sga``.

The latents of each sample are optimised at encode time; everything else is frozen. The samples of a batch are optimised
side by side and do not influence each other: the losses are added, Adam works element by element, and all samples get
the same noise. The relaxed rounding itself is ``sga_rounding`` in ``codecs.entropy_models.quantization``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

_FIRST_TEMPERATURE, _LAST_TEMPERATURE = 0.5, 0.05
_FINAL_LEARNING_RATE = 0.02  # relative to the first one (GP: 5e-3 to 1e-4)


class Relaxable(Protocol):
    """What SGA needs of an entropy model; see ``EntropyModel``."""

    def relax(self, parameters: Tensor, temperature: float, generator: torch.Generator) -> Tensor:
        """Parameters to relaxed latents: a differentiable draw near the integers."""
        ...

    def quantize(self, parameters: Tensor) -> Tensor:
        """Parameters to the integers that are sent."""
        ...

    def dequantize(self, latents: Tensor) -> Tensor:
        """Integers to relaxed latents."""
        ...


@dataclass(frozen=True)
class SGASettings:
    """``steps`` of Adam, from ``learning_rate`` on.

    The temperature falls geometrically from 0.5 to 0.05, the learning rate by a cosine to 2 % of the first one.
    """

    steps: int
    learning_rate: float
    seed: int = 0

    def temperature(self, step: int) -> float:
        """The temperature of the relaxed rounding in this step, counted from 0."""
        return float(
            _FIRST_TEMPERATURE * (_LAST_TEMPERATURE / _FIRST_TEMPERATURE) ** (step / max(1, self.steps - 1))
        )

    def learning_rate_at(self, step: int) -> float:
        """Adam's learning rate in this step, counted from 0."""
        cosine = (1 + math.cos(math.pi * step / self.steps)) / 2
        return self.learning_rate * (_FINAL_LEARNING_RATE + (1 - _FINAL_LEARNING_RATE) * cosine)


def anneal(
    model: Relaxable, parameters: Tensor, loss: Callable[[Tensor], Tensor], settings: SGASettings
) -> Tensor:
    """Optimise the parameters of latents by SGA.

    Args:
        model: Relaxes and quantizes the latents.
        parameters: The parameters (n, ...) of the unrefined latents.
        loss: Gives the loss (n,) of relaxed latents.
        settings: Steps, learning rate and the seed of the noise.

    Returns:
        Parameters (n, ...). A sample whose integers do not lower its loss keeps its own parameters.
    """
    moved = parameters.detach().clone().requires_grad_()
    optimiser = torch.optim.Adam([moved], lr=settings.learning_rate)
    generator = torch.Generator().manual_seed(settings.seed)
    with torch.enable_grad():
        for step in range(settings.steps):
            optimiser.param_groups[0]["lr"] = settings.learning_rate_at(step)
            relaxed = model.relax(moved, settings.temperature(step), generator)
            (moved.grad,) = torch.autograd.grad(loss(relaxed).sum(), moved)
            optimiser.step()
    return _keep_improvements(model, parameters, moved.detach(), loss)


@torch.no_grad()
def _keep_improvements(
    model: Relaxable, before: Tensor, after: Tensor, loss: Callable[[Tensor], Tensor]
) -> Tensor:
    losses = [loss(model.dequantize(model.quantize(parameters))) for parameters in (before, after)]
    improved = losses[1] < losses[0]
    return torch.where(improved.reshape(-1, *[1] * (before.ndim - 1)), after, before)
