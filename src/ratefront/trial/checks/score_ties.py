"""Ties of class scores: two computations of one network may decide differently where the best scores tie."""

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
_CHUNK = 4096  # samples that are sorted together

#: Maps the classes (N,) that the scores decide for to the classes (N,) that must be decoded.
ExpectedClasses: TypeAlias = Callable[[NDArray[np.int64]], NDArray[np.int64]]


@dataclass(frozen=True, eq=False)
class RankedClasses:
    """The best few classes of each sample, best first.

    Attributes:
        classes: (N, k).
        deficit: (N, k), how far a class's score lies below the best score, as a fraction of the largest absolute score.
    """

    classes: NDArray[np.int64]
    deficit: NDArray[np.float64]

    @classmethod
    def from_scores(cls, scores: Tensor) -> Self:
        """Rank the classes by scores (N, K); of equal scores the first class is best, as for ``argmax``."""
        return cls.concatenated([cls._from_chunk(chunk) for chunk in scores.split(_CHUNK)])

    @classmethod
    def _from_chunk(cls, scores: Tensor) -> Self:
        scores = scores.double().cpu()
        ordered, scale = (
            scores.sort(dim=1, descending=True, stable=True),
            scores.abs().amax(dim=1, keepdim=True),
        )
        deficit = torch.where(scale == 0, 0.0, (ordered.values[:, :1] - ordered.values) / scale)
        return cls(ordered.indices[:, :_RANKS].numpy(), deficit[:, :_RANKS].numpy())

    @classmethod
    def concatenated(cls, parts: Sequence[RankedClasses]) -> Self:
        """Join samples that were ranked in parts."""
        return cls(*(np.concatenate([getattr(p, name) for p in parts]) for name in ("classes", "deficit")))


def count_ties(
    ranked: RankedClasses, decoded: NDArray[np.int64], expected: ExpectedClasses, tolerance: float, claim: str
) -> int:
    """Count the samples that were decoded to another class than the best, whose score ties with the best score.

    Two scores tie where they differ by at most ``tolerance``, a fraction of the sample's largest absolute score.

    Raises:
        DisagreementError: A sample was decoded to a class that does not tie.
    """
    deficit = _deficit_of_decoded(ranked, decoded, expected)
    wrong = np.flatnonzero(~(deficit <= tolerance))
    if len(wrong):
        raise DisagreementError(_disagreement(claim, ranked, decoded, deficit, wrong, expected, tolerance))
    return int((decoded != expected(ranked.classes[:, 0])).sum())


def _deficit_of_decoded(
    ranked: RankedClasses, decoded: NDArray[np.int64], expected: ExpectedClasses
) -> NDArray[np.float64]:
    """Return the deficit (N,) of the decoded classes: 0 of the best, infinite of one that is not among the best few."""
    deficit = np.full(len(decoded), np.inf)
    for rank in reversed(range(ranked.classes.shape[1])):
        is_decoded = expected(ranked.classes[:, rank]) == decoded
        deficit[is_decoded] = ranked.deficit[is_decoded, rank] if rank else 0.0  # the best one may be NaN
    return deficit


def _disagreement(
    claim: str,
    ranked: RankedClasses,
    decoded: NDArray[np.int64],
    deficit: NDArray[np.float64],
    wrong: NDArray[np.int64],
    expected: ExpectedClasses,
    tolerance: float,
) -> str:
    first = int(wrong[0])
    far = deficit[wrong][np.isfinite(deficit[wrong])]
    how_far = f"by up to {far.max():.2g} of the largest score" if len(far) else "by far"
    return (
        f"{claim}: {len(wrong)} of {len(decoded)} samples are decoded to another class, one that is behind {how_far} "
        f"(rounding explains {tolerance:.1g}); the first is sample {first}, decoded to {decoded[first]}, expected "
        f"{expected(ranked.classes[:, 0])[first]}"
    )
