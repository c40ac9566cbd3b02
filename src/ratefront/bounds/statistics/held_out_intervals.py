"""A curve measured on samples that were not used for its fit, with intervals, as a value."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ratefront.bounds.source.distributions import FloatArray
from ratefront.bounds.statistics.held_out import FOLDS, HeldOut


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """How held-out contributions are resampled.

    Attributes:
        resamples: B.
        seed: of the folds and of the resampling.
        level: of confidence, in (0, 1).

    Example:
        >>> Bootstrap(1000)
        Bootstrap(resamples=1000, seed=0, level=0.95)
    """

    resamples: int
    seed: int = 0
    level: float = 0.95


@dataclass(frozen=True, eq=False)
class HeldOutIntervals:
    """M points of a curve, sorted by distortion; arrays have shape (M,), rates are in bit/sample.

    Attributes:
        rate_bits: measured on the held-out samples.
        distortion: measured on the held-out samples.
        rate_bits_low: lower end for the rate at that distortion.
        rate_bits_high: upper end; infinite where too many resamples do not reach the distortion.
        distortion_low: lower end for the distortion of the point's own channel.
        distortion_high: upper end.
        level: of confidence.
        resamples: B.
        seed: of the folds and of the resampling.
        folds: parts of the samples, each coded by channels fitted on the others.
    """

    rate_bits: FloatArray
    distortion: FloatArray
    rate_bits_low: FloatArray
    rate_bits_high: FloatArray
    distortion_low: FloatArray
    distortion_high: FloatArray
    level: float
    resamples: int
    seed: int
    folds: int

    @classmethod
    def of(cls, measured: HeldOut, bootstrap: Bootstrap) -> HeldOutIntervals:
        """Return the means of what was measured, and their intervals.

        Raises:
            InputError: no resample, or a level outside (0, 1).
        """
        interval = measured.bootstrap(bootstrap.resamples, bootstrap.seed, bootstrap.level)
        rate, distortion = measured.mean_rate_bits, measured.mean_distortion
        order = np.lexsort((-rate, distortion))
        return cls(
            rate_bits=rate[order],
            distortion=distortion[order],
            rate_bits_low=interval.rate_low_bits[order],
            rate_bits_high=interval.rate_high_bits[order],
            distortion_low=interval.distortion_low[order],
            distortion_high=interval.distortion_high[order],
            level=bootstrap.level,
            resamples=bootstrap.resamples,
            seed=bootstrap.seed,
            folds=min(FOLDS, measured.samples),
        )
