"""Metrics of what was decoded, for the sweep file's ``metrics``; one of your own is a function like these.

A metric is called with

* ``labels`` (N,), int64: the true classes of a split,
* ``classes`` (N,), int64: what the receiver decoded,
* ``scores`` (N, K), float32: the scores of which the decoded class is the largest, logits or log-probabilities; None of
  a codec that gives none (``label`` and ``sample`` send a class),

all of them read-only, and gives one finite number. It gives None where it needs scores and there are none. A function
that needs none may take labels and classes alone, as those of ``sklearn.metrics`` do.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["balanced_accuracy", "log_loss_bits", "top5_accuracy"]

_AT_ONCE = 1024  # samples, so that scores that lie in a file are never in memory as a whole


def balanced_accuracy(labels: NDArray[np.int64], classes: NDArray[np.int64]) -> float:
    """The mean over the labels' classes c of the part of their samples that is decoded right,
    mean_c P(ŷ = c | y = c) (Brodersen et al. 2010, "The balanced accuracy and its posterior distribution").

    Every class that occurs counts the same, however rare it is; one that does not occur counts for nothing.

    Example:
        >>> balanced_accuracy(np.array([0, 0, 0, 1]), np.array([0, 0, 0, 0]))
        0.5
    """
    _, places, counts = np.unique(labels, return_inverse=True, return_counts=True)
    right = np.bincount(places, weights=labels == classes)
    return float(np.mean(right / counts))


def top5_accuracy(
    labels: NDArray[np.int64], classes: NDArray[np.int64], scores: NDArray[np.float32] | None
) -> float | None:
    """The part of the samples whose label is among the five classes of the largest scores (Russakovsky et al. 2015,
    "ImageNet large scale visual recognition challenge").

    Of equal scores the first class is the largest, as in what is decoded, so that it is never below the accuracy. Of
    at most five classes it is 1, whatever was decoded.

    Example:
        >>> scores = np.arange(14, dtype=np.float32).reshape(2, 7)  # classes 2 to 6 are the best five of both samples
        >>> top5_accuracy(np.array([2, 1]), np.array([6, 6]), scores)
        0.5
    """
    if scores is None:
        return None
    best = sum(int((_rank(*part) < 5).sum()) for part in _parts(labels, scores))
    return best / len(labels)


def _rank(labels: NDArray[np.int64], scores: NDArray[np.float32]) -> NDArray[np.int64]:
    """How many classes (n,) come before the label by their scores, of equal ones the first first."""
    own = np.take_along_axis(scores, labels[:, None], axis=1)
    is_before = (scores > own) | ((scores == own) & (np.arange(scores.shape[1]) < labels[:, None]))
    ranks: NDArray[np.int64] = is_before.sum(axis=1)
    return ranks


def log_loss_bits(
    labels: NDArray[np.int64], classes: NDArray[np.int64], scores: NDArray[np.float32] | None
) -> float | None:
    """The mean of -log2 softmax(scores)[label], in bits and double precision: what a result's ``log_loss_bits`` holds
    (Dubois et al. 2021, "Lossy compression for lossless prediction").

    Example:
        >>> log_loss_bits(np.array([0, 1]), np.array([0, 0]), np.log(np.array([[0.5, 0.5], [0.5, 0.5]], np.float32)))
        1.0
    """
    if scores is None:
        return None
    nats = sum(float(_surprise(*part).sum()) for part in _parts(labels, scores))
    return float(nats / len(labels) / np.log(2))


def _surprise(labels: NDArray[np.int64], scores: NDArray[np.float32]) -> NDArray[np.float64]:
    """-ln softmax(scores)[label] of each sample (n,): never negative, and finite where the scores are."""
    ahead = scores.astype(np.float64)
    with np.errstate(invalid="ignore"):  # of scores that are not finite it is neither
        ahead -= np.take_along_axis(ahead, labels[:, None], axis=1)
        most = ahead.max(axis=1)
        surprise: NDArray[np.float64] = most + np.log(np.exp(ahead - most[:, None]).sum(axis=1))
    return surprise


def _parts(
    labels: NDArray[np.int64], scores: NDArray[np.float32]
) -> list[tuple[NDArray[np.int64], NDArray[np.float32]]]:
    """Slices, of which none is read before it is used."""
    starts = range(0, len(labels), _AT_ONCE)
    return [(labels[start : start + _AT_ONCE], scores[start : start + _AT_ONCE]) for start in starts]
