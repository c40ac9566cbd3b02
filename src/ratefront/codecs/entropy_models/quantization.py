"""Surrogates of rounding while gradients are needed (GP §II.B): one value for g_s, one for the rate.

===================  ======================  =====================
surrogate            g_s takes               the rate is that of
===================  ======================  =====================
noise                y + u                   y + u
straight_through     ⌊y⌉, gradient of y      ⌊y⌉, gradient of y
mixed                ⌊y⌉, gradient of y      y + u
universal            ⌊y + u⌉ − u, of y       ⌊y + u⌉ − u, of y
===================  ======================  =====================

u is uniform on [−½, ½). noise is Ballé et al. 2017, mixed is Minnen & Singh 2020, universal is the shared dither of
Agustsson & Theis 2020. At test all of them round. Stochastic Gumbel annealing (SGA) has a surrogate of its own,
``sga_rounding``; its loop is in ``ratefront.codecs.refinement.sga``.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import torch
from torch import Tensor

Surrogate: TypeAlias = Literal["noise", "straight_through", "mixed", "universal"]


def quantize_ste(values: Tensor) -> Tensor:
    """⌊values⌉ with the gradient of values (straight-through estimator)."""
    return values + (values.round() - values).detach()


def quantize_for_training(values: Tensor, surrogate: Surrogate) -> tuple[Tensor, Tensor]:
    """Values of any shape to those that g_s takes, and to those that the rate is computed from."""
    match surrogate:
        case "straight_through":
            rounded = quantize_ste(values)
            return rounded, rounded
        case "noise":
            noisy = values + torch.rand_like(values) - 0.5
            return noisy, noisy
        case "mixed":
            return quantize_ste(values), values + torch.rand_like(values) - 0.5
        case "universal":
            dither = torch.rand_like(values) - 0.5
            dithered = quantize_ste(values + dither) - dither
            return dithered, dithered


def gumbel_noise(like: Tensor, generator: torch.Generator) -> Tensor:
    """Gumbel noise (1, ...) for logits (n, ...): one draw for all samples, so that no sample depends on another."""
    uniform = torch.rand((1, *like.shape[1:]), generator=generator).clamp_(1e-9, 1 - 1e-7)
    return -(-uniform.log()).log().to(like.device)


def sga_rounding(values: Tensor, temperature: float, generator: torch.Generator) -> Tensor:
    """SGA's relaxed rounding: a Gumbel-softmax between floor and ceiling on −artanh (Yang et al. 2020, eq. 8)."""
    below = values.detach().floor()
    fraction = (values - below).clamp(1e-4, 1 - 1e-4)
    logits = torch.stack([-torch.atanh(fraction), -torch.atanh(1 - fraction)], dim=-1) / temperature
    weights = ((logits + gumbel_noise(logits, generator)) / temperature).softmax(dim=-1)
    return below + weights[..., 1]
