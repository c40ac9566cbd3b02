"""Curves that are not optimistic with few samples: fitted on some, measured on others, with intervals.

A channel fitted and measured on the same N samples looks better than it is. Here each fold of the samples is coded
by channels fitted on the other folds. The means over all samples are unbiased for channels fitted on (folds -
1)/folds of the samples, which are slightly worse than channels fitted on all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import numpy.typing as npt

from ratefront.bounds.curve import RateDistortionCurve
from ratefront.bounds.curve_names import INDIRECT_CROSS_FITTED
from ratefront.bounds.curves.indirect_estimate_and_compress import indirect_estimate_and_compress
from ratefront.bounds.source.distributions import FloatArray, IntArray
from ratefront.bounds.source.predictions import Predictions
from ratefront.bounds.statistics.bootstrap import Interval, bootstrap_interval
from ratefront.bounds.statistics.channel_fits import fit_indirect
from ratefront.bounds.statistics.channels import Channels
from ratefront.errors import InputError

FOLDS = 5

Fit = Callable[[Predictions], Channels]
"""From the samples of the fit to channels; always with the same number of points."""


@dataclass(frozen=True, eq=False)
class HeldOut:
    """The rate and the error of each of N samples under channels that were fitted without it.

    Attributes:
        rate_bits: shape (N, M).
        distortion: shape (N, M).
        zero_rate_distortion: shape (N,), the error where nothing is sent and the receiver names the likeliest
            label of the samples of the fit.
    """

    rate_bits: FloatArray
    distortion: FloatArray
    zero_rate_distortion: FloatArray

    @property
    def samples(self) -> int:
        """N."""
        return int(self.rate_bits.shape[0])

    @property
    def mean_rate_bits(self) -> FloatArray:
        """Rate of each point, shape (M,)."""
        return np.asarray(self.rate_bits.mean(axis=0))

    @property
    def mean_distortion(self) -> FloatArray:
        """Distortion of each point on the labels, shape (M,)."""
        return np.asarray(np.clip(self.distortion.mean(axis=0), 0.0, 1.0))

    def curve(self, name: str, slope: FloatArray | None = None) -> RateDistortionCurve:
        """Return the means as they are, one point for each channel: achievable, not necessarily monotone or convex.

        No rate is negative, whatever the samples: each contribution is a divergence.
        """
        return RateDistortionCurve.of_kind(
            name,
            self.mean_rate_bits,
            self.mean_distortion,
            slope=slope,
            along=np.arange(self.mean_rate_bits.size),
            monotone=False,
            convex=False,
        )

    def bootstrap(self, resamples: int = 1000, seed: int = 0, level: float = 0.95) -> Interval:
        """Return percentile intervals from resampling the samples, with the channels fixed.

        Refitting on resamples would overfit, because samples repeat in them. `bootstrap.bootstrap_interval` says
        what the result holds.

        Raises:
            InputError: no resample, or a level outside (0, 1).
        """
        return bootstrap_interval(
            self.rate_bits, self.distortion, self.zero_rate_distortion, resamples, seed, level
        )


def cross_fit(predictions: Predictions, fit: Fit, folds: int = FOLDS, seed: int = 0) -> HeldOut:
    """Code each fold with channels fitted on the others; with fewer samples than folds, each sample is a fold.

    Args:
        predictions: N >= 2 samples.
        fit: from the samples of the other folds to channels.
        folds: at least 2.
        seed: of the division into folds.

    Raises:
        InputError: a single sample, fewer than two folds, or what `fit` refuses.
    """
    held_out = None
    for part, rest in split_in_folds(predictions.samples, folds, seed):
        coded = fit(subset(predictions, rest)).contributions(subset(predictions, part))
        if held_out is None:
            shape = (predictions.samples, coded.rate_bits.shape[1])
            held_out = HeldOut(np.empty(shape), np.empty(shape), np.empty(predictions.samples))
        held_out.rate_bits[part], held_out.distortion[part] = coded.rate_bits, coded.distortion
        held_out.zero_rate_distortion[part] = coded.zero_rate_distortion
    assert held_out is not None
    return held_out


def indirect_cross_fitted(
    predictions: Predictions,
    slopes: npt.ArrayLike | None = None,
    folds: int = FOLDS,
    seed: int = 0,
) -> RateDistortionCurve:
    """Compute iE&C, cross-fitted: achievable points as measured, none of them optimistic (see `HeldOut.curve`).

    Args:
        predictions: labels and decisions of N >= 2 samples.
        slopes: in nat, shape (M,); by default those of the plug-in curve.
        folds: as `cross_fit`.
        seed: as `cross_fit`.

    Raises:
        InputError: as `cross_fit`, or a bad slope.
    """
    s = _plug_in_slopes(predictions) if slopes is None else np.asarray(slopes, dtype=np.float64)
    return indirect_held_out(predictions, s, folds, seed).curve(INDIRECT_CROSS_FITTED, slope=s)


def indirect_held_out(
    predictions: Predictions, slopes: npt.ArrayLike, folds: int = FOLDS, seed: int = 0
) -> HeldOut:
    """Return the contributions behind `indirect_cross_fitted`, for intervals."""
    return cross_fit(predictions, partial(fit_indirect, slopes=slopes), folds, seed)


def subset(predictions: Predictions, rows: IntArray) -> Predictions:
    """Return some of the samples, with the classes of all."""
    scores = predictions.log_probabilities
    return replace(
        predictions,
        labels=predictions.labels[rows],
        predicted=predictions.predicted[rows],
        log_probabilities=None if scores is None else scores[rows],
    )


def split_in_folds(samples: int, folds: int = FOLDS, seed: int = 0) -> list[tuple[IntArray, IntArray]]:
    """Return (a fold, all the others) as row numbers; with fewer samples than folds, each sample is a fold.

    Raises:
        InputError: a single sample, or fewer than two folds.
    """
    if samples < 2:
        raise InputError("held-out curves need at least 2 samples: one to fit on and one to measure on")
    if folds < 2:
        raise InputError(f"held-out curves need at least 2 folds, got {folds}")
    shuffled = np.random.default_rng(seed).permutation(samples)
    parts = [np.sort(part) for part in np.array_split(shuffled, min(folds, samples))]
    return [(part, np.setdiff1d(np.arange(samples), part)) for part in parts]


def _plug_in_slopes(predictions: Predictions) -> FloatArray:
    slope = indirect_estimate_and_compress(predictions.joint).slope
    assert slope is not None
    return slope
