"""The tables of the entropy coder: a pmf as integer frequencies of 16 bit.

The coder never sees a float that another machine could round differently.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import constriction
import numpy as np
from numpy.typing import NDArray

TABLE_BITS = 16
_TOTAL = 1 << TABLE_BITS


@dataclass(frozen=True, eq=False)
class FrequencyTable:
    """Symbol ``offset + i`` has probability ``counts[i] / 2**16``; every count is at least 1.

    A table of one symbol codes it in no bits at all.
    """

    counts: NDArray[np.int64]
    offset: int = 0

    def __post_init__(self) -> None:
        if self.counts.ndim != 1 or self.counts.min(initial=1) < 1 or int(self.counts.sum()) != _TOTAL:
            raise ValueError(f"counts are (n,), ≥ 1 and sum to {_TOTAL}, got {self.counts!r}")

    @classmethod
    def from_pmf(cls, pmf: NDArray[np.number[Any]], offset: int = 0) -> Self:
        """Return the table nearest to probabilities (n,), which need not be normalised.

        Raises:
            ValueError: A probability is negative or not finite, all are zero, or there are more symbols than
                counts.
        """
        p = np.asarray(pmf, dtype=np.float64)
        if (
            p.ndim != 1
            or not np.all(np.isfinite(p))
            or p.min(initial=0.0) < 0
            or p.sum() <= 0
            or p.size >= _TOTAL
        ):
            raise ValueError(
                f"probabilities are (n,), finite, ≥ 0, not all zero, fewer than {_TOTAL}; got {p!r}"
            )
        counts = 1 + np.floor(p / p.sum() * (_TOTAL - p.size)).astype(np.int64)
        counts[np.argmax(counts)] += _TOTAL - counts.sum()
        return cls(counts, offset)

    def __len__(self) -> int:
        return len(self.counts)

    @property
    def last(self) -> int:
        """The largest symbol."""
        return self.offset + len(self) - 1

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the counts and the offset alone: the coder's model cannot be copied."""
        return type(self), (self.counts, self.offset)

    @cached_property
    def bits(self) -> NDArray[np.float64]:
        """Bits that each symbol costs, (n,)."""
        cost: NDArray[np.float64] = -np.log2(self.counts / _TOTAL)
        return cost

    @cached_property
    def model(self) -> Any:
        """The coder's model; the counts are exact in float32 (at most 2**16)."""
        probabilities = (self.counts / _TOTAL).astype(np.float32)
        return constriction.stream.model.Categorical(probabilities, perfect=False)
