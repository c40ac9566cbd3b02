"""Whether a model is right as often as it is confident, and how large an error chance alone explains."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ratefront.bounds.source.distributions import FloatArray
from ratefront.bounds.source.predictions import Predictions
from ratefront.bounds.source.scores import RealArray, blocks_of, posterior_rows
from ratefront.bounds.statistics.channel_inputs import scores_of
from ratefront.errors import InputError

ECE_BINS = 15
BEYOND_CHANCE = 4.0
"""In standard deviations. The error of a calibrated model is skewed to the right where samples are few."""


@dataclass(frozen=True, slots=True)
class Reliability:
    """How confidence and accuracy agree.

    Attributes:
        error: ECE (Guo et al. 2017, equation 3), the mean distance of accuracy and confidence of the likeliest
            class, over bins of equal width (a, b] of the confidence.
        error_by_chance: what the same confidences hardly ever exceed with labels drawn from the posteriors.
        confidence: mean over all samples.
        accuracy: mean over all samples.
    """

    error: float
    error_by_chance: float
    confidence: float
    accuracy: float


def reliability(predictions: Predictions, bins: int = ECE_BINS) -> Reliability:
    """Compute the calibration error and the part of it that chance explains.

    Raises:
        InputError: no posteriors, or no bin.
    """
    if bins < 1:
        raise InputError(f"a calibration error needs at least 1 bin, got {bins}")
    confidence = _confidence(scores_of(predictions))
    right = predictions.labels == predictions.predicted
    index = np.clip(np.ceil(confidence * bins).astype(np.int64) - 1, 0, bins - 1)
    difference = np.bincount(index, weights=right - confidence, minlength=bins)
    variance = np.asarray(
        np.bincount(index, weights=confidence * (1.0 - confidence), minlength=bins), dtype=np.float64
    )
    return Reliability(
        error=float(np.abs(difference).sum() / predictions.samples),
        error_by_chance=_sum_by_chance(variance) / predictions.samples,
        confidence=float(confidence.mean()),
        accuracy=float(right.mean()),
    )


def expected_calibration_error(predictions: Predictions, bins: int = ECE_BINS) -> float:
    """Return the expected calibration error (ECE) in [0, 1], over `bins` bins of the confidence.

    Raises:
        InputError: no posteriors, or no bin.

    Example:
        >>> certain = Predictions.from_probabilities([0, 1, 1, 1], [[1.0, 0.0]] * 2 + [[0.0, 1.0]] * 2)
        >>> expected_calibration_error(certain)  # certain of all four, right in three
        0.25
    """
    return reliability(predictions, bins).error


def _sum_by_chance(variance: FloatArray) -> float:
    """Return the mean plus some deviations of the sum of |normal| variables with these variances."""
    mean = float(np.sqrt(2.0 / np.pi * variance).sum())
    return mean + BEYOND_CHANCE * float(np.sqrt((1.0 - 2.0 / np.pi) * variance.sum()))


def _confidence(scores: RealArray) -> FloatArray:
    """Return the posterior of the likeliest class, shape (N,)."""
    return np.concatenate([posterior_rows(scores[rows]).max(axis=1) for rows in blocks_of(scores.shape)])
