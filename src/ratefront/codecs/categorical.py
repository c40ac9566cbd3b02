"""A low-rate discrete entropy model: a few symbols from small alphabets, each with a learned prior.

::

    logits = g_a(features) ─ argmax per element ─ ẑ ─ coder ─ g_s(one-hot ẑ)        p(ẑ) = Π_j π_j(ẑ_j)

At 3 to 10 bit/sample there is nothing to round: a sample is a word of ``width`` letters. Training draws
straight-through Gumbel-softmax words, with a temperature that falls; at test the encoder takes the most
likely letter.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ratefront.codecs.bottleneck import Bottleneck, analysis_transform, synthesis_transform
from ratefront.codecs.factorized import gumbel_noise
from ratefront.codecs.settled import SettledProbabilities

_WARM, _COLD = 1.5, 0.3  # Gumbel temperatures at the start and the end of training
_HARD_FROM = 0.5  # soft words first: hard ones leave most letters unused before they have a meaning
_SMOOTHING = 0.5
_LOG2E = 1.4426950408889634


class _Prior(nn.Module):
    def __init__(self, width: int, alphabet: int) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.zeros(width, alphabet))


class CategoricalBottleneck(Bottleneck):
    """``width`` letters from alphabets of ``alphabet`` symbols; relaxed latents are (n, width, alphabet) weights."""

    def __init__(self, shape: Sequence[int], width: int, alphabet: int, *, with_prior: bool = True) -> None:
        super().__init__()
        self.elements, self.alphabet = width, alphabet
        self.g_a = analysis_transform(shape, width * alphabet).append(nn.Unflatten(1, (width, alphabet)))
        self.g_s = nn.Sequential(nn.Flatten(), *synthesis_transform(width * alphabet, shape))
        self.prior = _Prior(width, alphabet) if with_prior else None
        self.settled = SettledProbabilities(width, alphabet)

    def surrogate(self, parameters: Tensor, progress: float) -> tuple[Tensor, Tensor]:
        temperature = _WARM * (_COLD / _WARM) ** progress
        words = F.gumbel_softmax(parameters, tau=temperature, hard=progress >= _HARD_FROM)
        return words, self.bits(words)

    def relax(self, parameters: Tensor, temperature: float, generator: torch.Generator) -> Tensor:
        noisy = parameters / temperature + gumbel_noise(parameters, generator)
        return (noisy / temperature).softmax(dim=-1)

    def unsettled(self, parameters: Tensor) -> Tensor:
        return parameters.argmax(dim=-1).to(torch.int32)

    def embed(self, latents: Tensor) -> Tensor:
        return F.one_hot(latents.long(), self.alphabet).to(torch.float32)

    def bits(self, relaxed: Tensor) -> Tensor:
        assert isinstance(self.prior, _Prior), "a receiver has no entropy model to train"
        return -_LOG2E * (relaxed * self.prior.logits.log_softmax(dim=-1)).sum(dim=(1, 2))

    @torch.no_grad()
    def settle(self, latents: Tensor) -> None:
        """The frequencies of the training split: what the argmax encoder really sends, not what noise made of it."""
        assert isinstance(self.prior, _Prior), "a receiver has no entropy model to settle"
        counts = F.one_hot(latents.long(), self.alphabet).sum(dim=0) + _SMOOTHING
        self.prior.logits.copy_((counts / counts.sum(dim=1, keepdim=True)).log().half())
        self.settled.settle([(0, row.cpu()) for row in counts])
