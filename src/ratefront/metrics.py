"""Metrics of what was decoded, for the sweep file's ``metrics``; a metric of your own is a function like these.

A metric is called with

* ``labels`` (N,), int64: the true classes of a split,
* ``classes`` (N,), int64: what the receiver decoded,
* ``scores`` (N, K), float32: logits or log-probabilities, of which the decoded class has the largest; None for a codec
  without scores (``label`` and ``sample`` send a class).

All arrays are read-only. A metric returns one finite number, or None where it needs scores and there are none. A
function that needs no scores may take labels and classes alone, as those of ``sklearn.metrics`` do.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["balanced_accuracy", "log_loss_bits", "top5_accuracy"]

_CHUNK = 1024  # samples; so scores that lie in a file are never in memory as a whole


def balanced_accuracy(labels: NDArray[np.int64], classes: NDArray[np.int64]) -> float:
    """Compute the mean over the labels' classes c of the share of their samples that is decoded right.

    It is mean_c P(ŷ = c | y = c) (Brodersen et al. 2010, "The balanced accuracy and its posterior distribution"). Every
    class that occurs has the same weight, however rare it is. A class that does not occur is left out.

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
    """Compute the share of the samples whose label is among the five classes with the largest scores.

    See Russakovsky et al. 2015, "ImageNet large scale visual recognition challenge". Of equal scores the first class
    comes first, as in what is decoded, so that the result is never below the accuracy. With at most five classes it is
    1, whatever was decoded.

    Example:
        >>> scores = np.arange(14, dtype=np.float32).reshape(2, 7)  # classes 2 to 6 are the best five of both samples
        >>> top5_accuracy(np.array([2, 1]), np.array([6, 6]), scores)
        0.5
    """
    if scores is None:
        return None
    best = sum(int((_rank(*chunk) < 5).sum()) for chunk in _chunks(labels, scores))
    return best / len(labels)


def _rank(labels: NDArray[np.int64], scores: NDArray[np.float32]) -> NDArray[np.int64]:
    """Count the classes (n,) that come before the label by their scores; of equal scores the first comes first."""
    label_scores = np.take_along_axis(scores, labels[:, None], axis=1)
    is_before = (scores > label_scores) | (
        (scores == label_scores) & (np.arange(scores.shape[1]) < labels[:, None])
    )
    ranks: NDArray[np.int64] = is_before.sum(axis=1)
    return ranks


def log_loss_bits(
    labels: NDArray[np.int64], classes: NDArray[np.int64], scores: NDArray[np.float32] | None
) -> float | None:
    """Compute the mean of -log2 softmax(scores)[label] in bits, in double precision.

    It is what a result's ``log_loss_bits`` holds (Dubois et al. 2021, "Lossy compression for lossless prediction").

    Example:
        >>> log_loss_bits(np.array([0, 1]), np.array([0, 0]), np.log(np.array([[0.5, 0.5], [0.5, 0.5]], np.float32)))
        1.0
    """
    if scores is None:
        return None
    nats = sum(float(_surprisal_nats(*chunk).sum()) for chunk in _chunks(labels, scores))
    return float(nats / len(labels) / np.log(2))


def _surprisal_nats(labels: NDArray[np.int64], scores: NDArray[np.float32]) -> NDArray[np.float64]:
    """Compute -ln softmax(scores)[label] of each sample (n,): never negative, and finite where the scores are."""
    relative = scores.astype(np.float64)
    with np.errstate(invalid="ignore"):  # scores that are not finite give NaN
        relative -= np.take_along_axis(relative, labels[:, None], axis=1)
        greatest = relative.max(axis=1)
        surprisal: NDArray[np.float64] = greatest + np.log(np.exp(relative - greatest[:, None]).sum(axis=1))
    return surprisal


def _chunks(
    labels: NDArray[np.int64], scores: NDArray[np.float32]
) -> list[tuple[NDArray[np.int64], NDArray[np.float32]]]:
    """Divide the arrays into slices; a slice is read when it is used."""
    starts = range(0, len(labels), _CHUNK)
    return [(labels[start : start + _CHUNK], scores[start : start + _CHUNK]) for start in starts]
