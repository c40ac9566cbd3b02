"""Percentile bootstrap of a measured curve: the samples are resampled, the channels stay."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ratefront.bounds.curve import SAME_DISTORTION, lower_hull
from ratefront.bounds.source.distributions import FloatArray
from ratefront.errors import InputError

BLOCK_WEIGHTS = 1 << 22
ROUNDING = 1e-9


@dataclass(frozen=True, eq=False)
class Interval:
    """Where each of M points may lie, at a level of confidence, point by point.

    Attributes:
        level: in (0, 1).
        resamples: B.
        rate_low_bits: shape (M,), lower end for the curve's rate at the point's distortion.
        rate_high_bits: shape (M,), upper end. A replicate whose curve does not reach that distortion has no rate
            there and counts as infinitely expensive: `rate_high_bits` (and even `rate_low_bits`) is inf where too
            many of them do not reach it.
        distortion_low: shape (M,), lower end for the distortion of the point's own channel.
        distortion_high: shape (M,), upper end.
        reached: shape (M,), share of the replicates whose curve reaches the point's distortion.
    """

    level: float
    resamples: int
    rate_low_bits: FloatArray
    rate_high_bits: FloatArray
    distortion_low: FloatArray
    distortion_high: FloatArray
    reached: FloatArray


def bootstrap_interval(
    rate_bits: FloatArray,
    distortion: FloatArray,
    zero_rate_distortion: FloatArray,
    resamples: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> Interval:
    """Return intervals of M points that are means over N samples (Efron's percentile method).

    Each replicate weighs the samples by multinomial counts and has its own curve: the lower convex envelope of its
    M points and its own zero-rate point. That curve is read at the distortions measured on all samples. Where the
    measured points are not convex, the interval is that of the envelope below them.

    Args:
        rate_bits: contributions of the samples, shape (N, M).
        distortion: contributions of the samples, shape (N, M).
        zero_rate_distortion: shape (N,).
        resamples: B. Each takes about a millisecond and 2 kB; the result depends on the seed alone.
        seed: of the resampling.
        level: of confidence.

    Raises:
        InputError: no resample, or a level outside (0, 1).
    """
    if resamples < 1 or not 0.0 < level < 1.0:
        raise InputError(
            f"a bootstrap needs resamples >= 1 and a level in (0, 1), got {resamples} and {level}"
        )
    points = rate_bits.shape[1]
    sums = np.column_stack([rate_bits, distortion, zero_rate_distortion])
    replicates = np.concatenate(list(bootstrap_replicates(sums, resamples, seed)))
    rates, distortions = replicates[:, :points], replicates[:, points:-1]
    read_at = distortion.mean(axis=0)
    read = np.array(
        [
            _read_envelope(d, r, d0, read_at)
            for d, r, d0 in zip(distortions, rates, replicates[:, -1], strict=True)
        ]
    )
    reached = np.isfinite(read).mean(axis=0)
    return Interval(
        level, resamples, *_percentiles(read, level), *_percentiles(distortions, level), reached=reached
    )


def bootstrap_replicates(values: FloatArray, resamples: int, seed: int) -> Iterator[FloatArray]:
    """Return means of the columns of (N, C) under resampling, as blocks of shape (b, C), B rows in all."""
    rng = np.random.default_rng(seed)
    samples = values.shape[0]
    block = max(1, BLOCK_WEIGHTS // samples)
    for first in range(0, resamples, block):
        weights = np.empty((min(block, resamples - first), samples))
        for row in weights:
            row[:] = np.bincount(rng.integers(0, samples, samples), minlength=samples)
        yield weights @ values / samples


def _read_envelope(
    distortion: FloatArray, rate_bits: FloatArray, zero_rate: float, read_at: FloatArray
) -> FloatArray:
    """Read the envelope of a replicate at `read_at`: inf below its least distortion, 0 from its zero-rate point on."""
    useful = distortion < zero_rate
    d, r = np.append(distortion[useful], zero_rate), np.append(rate_bits[useful], 0.0)
    hull = lower_hull(d, r)
    least = d[hull[0]]
    at = np.where(np.abs(read_at - least) <= SAME_DISTORTION, least, read_at)
    return np.asarray(np.interp(at, d[hull], r[hull], left=np.inf))


def _percentiles(replicates: FloatArray, level: float) -> tuple[FloatArray, FloatArray]:
    """Return the order statistics of both tails, rounded outward. No averaging: infinity would spread."""
    ordered = np.sort(replicates, axis=0)
    last = ordered.shape[0] - 1
    tail = int(np.floor(last * (1.0 - level) / 2.0 + ROUNDING))
    return ordered[tail], ordered[last - tail]
