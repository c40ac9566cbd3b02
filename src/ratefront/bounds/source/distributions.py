"""Discrete distributions: entropy, priors from counts, the joint of label and decision, and checks of arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.special import xlogy

from ratefront.errors import InputError

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

PROBABILITY_TOLERANCE = 1e-3
"""A distribution whose sum is off by more is refused, by less renormalised (half precision stays inside)."""


def entropy_bits(distribution: npt.ArrayLike) -> float:
    """Return H(p) in bit of a distribution of shape (K,); zero probabilities contribute nothing.

    Raises:
        InputError: not a distribution.

    Example:
        >>> entropy_bits([0.5, 0.25, 0.25])
        1.5
    """
    p = as_distribution(distribution)
    return float(max(0.0, -xlogy(p, p).sum() / np.log(2)))


def as_distribution(values: npt.ArrayLike, name: str = "the distribution") -> FloatArray:
    """Return a checked, renormalised probability vector of shape (K,).

    Raises:
        InputError: empty, not one-dimensional, not finite, negative, or a sum that is not 1.
    """
    p = _checked_weights(values, name)
    total = float(p.sum())
    if abs(total - 1.0) > PROBABILITY_TOLERANCE:
        raise InputError(f"{name} must sum to 1 within {PROBABILITY_TOLERANCE:g}, it sums to {total:.6g}")
    return np.asarray(p / total, dtype=np.float64)


def prior_from_counts(counts: npt.ArrayLike) -> FloatArray:
    """Return the relative frequencies of nonnegative counts, shape (K,).

    Raises:
        InputError: empty, negative, not finite, or all zero.

    Example:
        >>> prior_from_counts([5, 3, 2]).round(3).tolist()
        [0.5, 0.3, 0.2]
    """
    weights = _checked_weights(counts, "the counts")
    greatest = float(weights.max())
    if greatest <= 0.0:
        raise InputError("the counts must not all be zero")
    weights = weights / greatest  # however large they are, their sum is finite
    total = float(weights.sum())
    return np.asarray(weights / total, dtype=np.float64)


def prior_from_labels(labels: npt.ArrayLike, classes: int) -> FloatArray:
    """Return the relative frequency of each class among labels of shape (N,); the result has shape (K,).

    Args:
        labels: 0..K-1.
        classes: K.

    Raises:
        InputError: labels that are empty or out of range.
    """
    return prior_from_counts(np.bincount(as_classes(labels, classes, "labels"), minlength=classes))


def joint_from_decisions(labels: npt.ArrayLike, predicted: npt.ArrayLike, classes: int) -> sparse.csr_array:
    """Return the empirical joint p(y, y~), sparse of shape (K, K): rows are labels, columns are decisions.

    Args:
        labels: shape (N,), 0..K-1.
        predicted: the decisions, shape (N,), 0..K-1.
        classes: K.

    Raises:
        InputError: arrays that do not fit or are out of range.
    """
    y = as_classes(labels, classes, "labels")
    decision = as_classes(predicted, classes, "predicted")
    if y.shape != decision.shape:
        raise InputError(f"labels and predicted must have one length, they have {y.size} and {decision.size}")
    counts = sparse.csr_array(sparse.coo_array((np.ones(y.size), (y, decision)), shape=(classes, classes)))
    return sparse.csr_array(counts / y.size)


def as_array(values: npt.ArrayLike, name: str, of: str = "numbers") -> npt.NDArray[Any]:
    """Return the values as a NumPy array.

    Raises:
        InputError: ragged values.
    """
    try:
        return np.asarray(values)
    except ValueError as error:
        raise InputError(f"{name} must be an array of {of}: {error}") from error


def as_distortions(values: npt.ArrayLike) -> FloatArray:
    """Return error probabilities of any shape, as floats.

    Raises:
        InputError: outside [0, 1], or not finite.
    """
    distortions = as_numbers(values, "distortions")
    if not np.all((distortions >= 0.0) & (distortions <= 1.0)):
        raise InputError(f"a distortion must lie in [0, 1], got {distortions}")
    return distortions


def as_numbers(values: npt.ArrayLike, name: str) -> FloatArray:
    """Return real numbers of any shape, as floats.

    Raises:
        InputError: ragged, or not real numbers.
    """
    array = as_array(values, name)
    if array.dtype.kind not in "biuf":
        raise InputError(f"{name} must be real numbers, they are {array.dtype}")
    return np.asarray(array, dtype=np.float64)


def checked_count(value: int, name: str, least: int = 2) -> int:
    """Return the value as an int.

    Raises:
        InputError: not an integer of at least `least`.
    """
    if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < least:
        raise InputError(f"{name} must be an integer >= {least}, got {value!r}")
    return int(value)


def as_classes(values: npt.ArrayLike, classes: int, name: str) -> IntArray:
    """Return checked class indices of shape (N,), each in 0..classes-1.

    Raises:
        InputError: empty, wrong shape, not of an integer type, or out of range.
    """
    array = as_array(values, name, of="integers")
    if array.ndim != 1 or array.size == 0:
        raise InputError(f"{name} must have shape (N,) with N >= 1, it has shape {array.shape}")
    if array.dtype.kind not in "iu":
        raise InputError(f"{name} must be of an integer type, it is {array.dtype}")
    _check_range(array, classes, name)
    return np.asarray(array, dtype=np.int64)


def checked_cost(cost: npt.ArrayLike, classes: int) -> FloatArray:
    """Return a cost matrix of shape (K, M): the cost of each of M answers to each of K labels.

    Raises:
        InputError: another number of rows, negative or not finite.
    """
    matrix = as_numbers(cost, "a cost matrix")
    if matrix.ndim != 2 or matrix.shape[0] != classes or matrix.shape[1] == 0:
        raise InputError(f"a cost matrix must have shape (K, M) with K = {classes}, it has {matrix.shape}")
    if not np.all(np.isfinite(matrix) & (matrix >= 0.0)):
        raise InputError("a cost matrix must be finite and nonnegative")
    return matrix


def _check_range(array: npt.NDArray[Any], classes: int, name: str) -> None:
    bad = np.flatnonzero((array < 0) | (array >= classes))
    if bad.size:
        where = int(bad[0])
        raise InputError(f"{name} must lie in 0..{classes - 1}, {name}[{where}] is {array[where]}")


def _checked_weights(values: npt.ArrayLike, name: str) -> FloatArray:
    weights = as_numbers(values, name)
    if weights.ndim != 1 or weights.size == 0:
        raise InputError(f"{name} must have shape (K,) with K >= 1, the shape is {weights.shape}")
    bad = np.flatnonzero(~np.isfinite(weights) | (weights < 0.0))
    if bad.size:
        raise InputError(f"{name} must be finite and nonnegative, entry {bad[0]} is {weights[bad[0]]}")
    return weights
