"""Surrogates of the choice of a letter while gradients are needed: scores of letters to weights, which g_s takes.

=================  ==================================================  ==========================
surrogate          forward                                             gradient of
=================  ==================================================  ==========================
gumbel             softmax((s + g) / τ), later its largest letter      softmax((s + g) / τ)
straight_through   the letter of the largest score s                   softmax(s / τ)
=================  ==================================================  ==========================

g is Gumbel noise, which makes the letter a draw from softmax(s) (Jang et al. 2017, "Categorical reparameterization with
Gumbel-softmax"). Without noise the letters of training are those that the encoder sends. τ falls during training.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, TypeAlias

from torch import Tensor
from torch.nn import functional as F

LetterSurrogate: TypeAlias = Literal["gumbel", "straight_through"]

DEFAULT_LETTER_SURROGATE: LetterSurrogate = "gumbel"

_HARD_FROM = 0.5  # of training with noise; hard letters from the start on would leave most of them unused


def _gumbel(scores: Tensor, progress: float) -> Tensor:
    return F.gumbel_softmax(scores, tau=_temperature(1.5, progress), hard=progress >= _HARD_FROM)


def _straight_through(scores: Tensor, progress: float) -> Tensor:
    soft = (scores / _temperature(1.0, progress)).softmax(dim=-1)
    hard = F.one_hot(scores.argmax(dim=-1), scores.shape[-1]).to(soft.dtype)
    return hard + (soft - soft.detach())


def _temperature(first: float, progress: float) -> float:
    return float(first * (_LAST_TEMPERATURE / first) ** progress)


_LAST_TEMPERATURE = 0.3

#: By name: scores (n, elements, alphabet) and progress from 0 to 1, to weights of the same shape that sum to 1.
LETTER_SURROGATES: Mapping[LetterSurrogate, Callable[[Tensor, float], Tensor]] = {
    "gumbel": _gumbel,
    "straight_through": _straight_through,
}
