"""Logits or log-probabilities of N samples over K classes, handled block by block to bound memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from ratefront.bounds.source.distributions import FloatArray, as_array
from ratefront.errors import InputError
from ratefront.wording import Message

RealArray = npt.NDArray[np.floating[Any]]
"""Scores: shape (N, K), up to a constant in each row; -inf where a class is impossible."""

BLOCK_ENTRIES = 1 << 18

LOOSELY_ONE = 0.01
"""Rows whose sums are this close to 1 are taken for rounded probabilities.

Logits never come so close to 1 in all rows.
"""

IMPOSSIBLE = -1e30
"""A stand-in for -inf: its exponential is 0 at every inverse temperature in use, and 0 times it is not NaN."""


def checked_scores(scores: npt.ArrayLike) -> RealArray:
    """Return logits or log-probabilities of shape (N, K).

    Raises:
        InputError: not real, another shape, NaN, +inf, a row without a finite score, probabilities.
    """
    f = as_array(scores, "scores")
    if f.dtype.kind in "iu":
        f = f.astype(np.float64)
    if f.ndim != 2 or f.size == 0 or f.dtype.kind != "f":
        raise InputError(
            f"scores must be real with shape (N, K), N, K >= 1; got {f.dtype} of shape {f.shape}"
        )
    for rows in blocks_of(f.shape, BLOCK_ENTRIES):
        best = f[rows].max(axis=1)
        if not np.all(np.isfinite(best)):
            raise InputError("scores must hold no NaN, no +inf and at least one finite entry in each row")
    refuse_probabilities(f, "scores", "give their logarithm")
    return f


def refuse_probabilities(scores: RealArray, name: str, advice: str, tolerance: float = LOOSELY_ONE) -> None:
    """Refuse probabilities where logits are needed.

    A softmax would flatten them, and the error would not show, because the result sums to 1 as well.

    Args:
        scores: shape (N, K).
        name: what the message calls them.
        advice: the end of the message.
        tolerance: how far from 1 the sum of a row of probabilities may be.

    Raises:
        InputError: every row is >= 0 and sums to 1.
    """
    if are_probabilities(scores, tolerance):
        raise InputError(
            Message(
                f"{name} must be logits or log-probabilities, these are probabilities: every row is >= 0 and sums to "
                "1; ",
                advice,
            )
        )


def are_probabilities(scores: RealArray, tolerance: float = LOOSELY_ONE) -> bool:
    """Return whether every row (K,) is >= 0 and sums to 1; scores of a single class always pass for logits.

    Example:
        >>> import numpy as np
        >>> are_probabilities(np.array([[0.9, 0.1], [0.5, 0.5]])), are_probabilities(np.array([[2.0, -1.0]]))
        (True, False)
    """
    return scores.shape[1] > 1 and all(
        _sum_to_one(scores[rows], tolerance) for rows in blocks_of(scores.shape)
    )


def _sum_to_one(rows: RealArray, tolerance: float) -> bool:
    if float(rows.min()) < 0.0:
        return False
    return bool(np.all(np.abs(rows.sum(axis=1, dtype=np.float64) - 1.0) <= tolerance))


def blocks_of(shape: tuple[int, ...], entries: int | None = None) -> Iterator[slice]:
    """Return slices of consecutive rows of a matrix, about `entries` numbers at a time."""
    rows = max(1, (entries or BLOCK_ENTRIES) // max(1, shape[1]))
    return (slice(first, min(first + rows, shape[0])) for first in range(0, shape[0], rows))


def posterior_rows(scores: RealArray) -> FloatArray:
    """Return the softmax of rows (b, K) of logits or log-probabilities in double precision; -inf gives exactly 0."""
    values = below_best(scores)
    np.exp(values, out=values)
    values /= values.sum(axis=1, keepdims=True)
    return values


def centred_rows(scores: RealArray) -> FloatArray:
    """Return rows (b, K) in double precision, shifted so that the greatest score is 0, with `IMPOSSIBLE` for -inf."""
    values = below_best(scores)
    return np.maximum(values, IMPOSSIBLE, out=values)


def below_best(scores: RealArray) -> FloatArray:
    """Return rows (b, K) in double precision, shifted so that the greatest score is 0."""
    values = np.array(scores, dtype=np.float64)
    with np.errstate(over="ignore"):  # to -inf, which is what so great a difference means
        values -= values.max(axis=1, keepdims=True)
    return values
