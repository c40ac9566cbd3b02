"""The factorized entropy model (Ballé et al. 2018; CompressAI's EntropyBottleneck) over a vector of scalars.

::

    y = g_a(features) ─ round, saturate ─ ŷ ─ coder ─ g_s(ŷ)        p(ŷ) = Π_j p_j(ŷ_j)

Training uses mixed quantisation: noise for the rate, straight-through for the synthesis. Quantisation is
zero-centred, and it saturates: integers beyond a range that holds all but 2^-17 of an element's mass are sent
as the end of the range.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ratefront.codecs.bottleneck import Bottleneck, analysis_transform, synthesis_transform
from ratefront.codecs.settled import SettledProbabilities

_REACH = 64  # integers from -64 to 64 can be sent
_TAIL = 2.0**-17  # less than half of what the coder's smallest count stands for
_INITIAL_SCALE = 4


class FactorizedBottleneck(Bottleneck):
    """``width`` scalars, each with a learned density of its own."""

    def __init__(self, shape: Sequence[int], width: int, *, with_prior: bool = True) -> None:
        super().__init__()
        self.elements = width
        self.g_a = analysis_transform(shape, width)
        self.g_s = synthesis_transform(width, shape)
        self.prior = self._density(width) if with_prior else None
        self.settled = SettledProbabilities(width, 2 * _REACH + 1)

    @staticmethod
    def _density(width: int) -> torch.nn.Module:
        from ratefront.codecs.density import FactorizedDensity

        density: torch.nn.Module = FactorizedDensity(width, init_scale=_INITIAL_SCALE)
        return density

    def surrogate(self, parameters: Tensor, progress: float) -> tuple[Tensor, Tensor]:
        noisy = parameters + torch.rand_like(parameters) - 0.5
        rounded = parameters + (parameters.round() - parameters).detach()
        return rounded, self.bits(noisy)

    def relax(self, parameters: Tensor, temperature: float, generator: torch.Generator) -> Tensor:
        """Between floor and ceiling, by a Gumbel-softmax on −artanh of the distances (Yang et al. 2020, eq. 8)."""
        below = parameters.detach().floor()
        fraction = (parameters - below).clamp(1e-4, 1 - 1e-4)
        logits = torch.stack([-torch.atanh(fraction), -torch.atanh(1 - fraction)], dim=-1) / temperature
        weights = ((logits + gumbel_noise(logits, generator)) / temperature).softmax(dim=-1)
        return below + weights[..., 1]

    def unsettled(self, parameters: Tensor) -> Tensor:
        return parameters.round().to(torch.int32)

    def embed(self, latents: Tensor) -> Tensor:
        return latents.to(torch.float32)

    def bits(self, relaxed: Tensor) -> Tensor:
        assert self.prior is not None, "a receiver has no entropy model to train"
        likelihood: Tensor = self.prior.likelihood(relaxed)  # type: ignore[operator]
        return -likelihood.log2().sum(dim=1)

    @torch.no_grad()
    def settle(self, latents: Tensor) -> None:
        assert self.prior is not None, "a receiver has no entropy model to settle"
        device = next(self.prior.parameters()).device
        grid = torch.arange(-_REACH, _REACH + 1, device=device, dtype=torch.float32)
        likelihood = self.prior.likelihood(grid[:, None].expand(-1, self.elements))  # type: ignore[operator]
        self.settled.settle([_saturated(column.double().cpu()) for column in likelihood.T])


def _saturated(pmf: Tensor) -> tuple[int, Tensor]:
    """The range that holds all but a tail on either side, with the tails' mass at its ends."""
    total = pmf.cumsum(0) / pmf.sum()
    first = int((total < _TAIL).sum())
    last = max(first, int((total < 1 - _TAIL).sum()))
    kept = pmf[first : last + 1].clone()
    kept[0] += pmf[:first].sum()
    kept[-1] += pmf[last + 1 :].sum()
    return first - _REACH, kept


def gumbel_noise(like: Tensor, generator: torch.Generator) -> Tensor:
    """Gumbel noise (1, ...) for logits (n, ...): one draw for all samples, so that none depends on its neighbours."""
    uniform = torch.rand((1, *like.shape[1:]), generator=generator).clamp_(1e-9, 1 - 1e-7)
    return -(-uniform.log()).log().to(like.device)
