"""Decisions with their runners-up: two computations of one network may decide otherwise where the best scores tie."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ratefront.errors import DisagreementError

_RANKS = 8  # more classes than ever tie within rounding
_AT_ONCE = 4096  # samples that are sorted together

#: From the class that the scores decide for to the one that must be decoded, of all samples (N,).
Expected: TypeAlias = Callable[[NDArray[np.int64]], NDArray[np.int64]]


@dataclass(frozen=True, eq=False)
class RankedClasses:
    """The best classes (N, k) of each sample, best first, and how far the score of each lies behind the best one's, as
    a fraction of the sample's largest score.
    """

    classes: NDArray[np.int64]
    behind: NDArray[np.float64]

    @classmethod
    def of(cls, scores: Tensor) -> Self:
        """Of scores (N, K); of equal ones the first class is best, as ``argmax`` has it."""
        return cls.joined([cls._of_few(few) for few in scores.split(_AT_ONCE)])

    @classmethod
    def _of_few(cls, scores: Tensor) -> Self:
        scores = scores.double().cpu()
        ordered, scale = (
            scores.sort(dim=1, descending=True, stable=True),
            scores.abs().amax(dim=1, keepdim=True),
        )
        behind = torch.where(scale == 0, 0.0, (ordered.values[:, :1] - ordered.values) / scale)
        return cls(ordered.indices[:, :_RANKS].numpy(), behind[:, :_RANKS].numpy())

    @classmethod
    def joined(cls, parts: Sequence[RankedClasses]) -> Self:
        """Of samples that were ranked in parts."""
        return cls(*(np.concatenate([getattr(p, name) for p in parts]) for name in ("classes", "behind")))


def count_ties(
    ranked: RankedClasses, decoded: NDArray[np.int64], expected: Expected, tolerance: float, place: str
) -> int:
    """How many samples were decoded to another class than the best, one whose score ties with it: at most
    ``tolerance`` behind.

    Raises:
        DisagreementError: A sample was decoded to a class that does not tie.
    """
    behind = _behind_of(ranked, decoded, expected)
    wrong = np.flatnonzero(~(behind <= tolerance))
    if len(wrong):
        raise DisagreementError(_said(place, ranked, decoded, behind, wrong, expected, tolerance))
    return int((decoded != expected(ranked.classes[:, 0])).sum())


def _behind_of(ranked: RankedClasses, decoded: NDArray[np.int64], expected: Expected) -> NDArray[np.float64]:
    """How far behind the decoded class is (N,): 0 of the best, infinitely of one that is not among the best few."""
    behind = np.full(len(decoded), np.inf)
    for rank in reversed(range(ranked.classes.shape[1])):
        is_it = expected(ranked.classes[:, rank]) == decoded
        behind[is_it] = ranked.behind[is_it, rank] if rank else 0.0  # the best one may be NaN
    return behind


def _said(
    place: str,
    ranked: RankedClasses,
    decoded: NDArray[np.int64],
    behind: NDArray[np.float64],
    wrong: NDArray[np.int64],
    expected: Expected,
    tolerance: float,
) -> str:
    first = int(wrong[0])
    far = behind[wrong][np.isfinite(behind[wrong])]
    how_far = f"by up to {far.max():.2g} of the largest score" if len(far) else "by far"
    return (
        f"{place}: {len(wrong)} of {len(decoded)} samples are decoded to another class, one that is behind {how_far} "
        f"(rounding explains {tolerance:.1g}); the first is sample {first}, decoded to {decoded[first]}, expected "
        f"{expected(ranked.classes[:, 0])[first]}"
    )
