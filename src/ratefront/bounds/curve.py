"""A rate-distortion curve as a value that cannot be wrong once it is built."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ratefront.bounds.hull import lower_hull
from ratefront.bounds.source import FloatArray
from ratefront.errors import InputError

SHAPE_TOLERANCE_BITS = 1e-7
"""Rounding allowed when a declared shape is checked; the certified gaps of iterated points come on top."""

SAME_DISTORTION = 1e-9
"""Measured distortions are multiples of 1/N: what lies closer to the least distortion lies on it."""


@dataclass(frozen=True, eq=False)
class RateDistortionCurve:
    """Points (distortion, rate), sorted by distortion and joined by straight lines (time sharing).

    Attributes:
        name: its key in files, for instance "oracle".
        rate_bits: shape (M,), in `unit`.
        distortion: shape (M,), P(Y^ != Y) in [0, 1], nondecreasing.
        gap_bits: shape (M,) or None: at the same distortion the true curve lies at most this far below the
            point.
        assumptions: in words.
        monotone, convex: what the curve claims to be; construction checks it.

    Raises:
        InputError: arrays of unequal or no length, values that are not finite or out of range, a claim that
            does not hold (fatal).
    """

    name: str
    rate_bits: FloatArray
    distortion: FloatArray
    gap_bits: FloatArray | None = None
    assumptions: str = ""
    monotone: bool = False
    convex: bool = False
    unit: str = "bit/sample"

    def __post_init__(self) -> None:
        rate, distortion = _vector(self.rate_bits), _vector(self.distortion)
        gap = None if self.gap_bits is None else _vector(self.gap_bits)
        _check_values(self.name, rate, distortion, gap)
        order = np.lexsort((-rate, distortion))
        object.__setattr__(self, "rate_bits", _frozen(rate[order]))
        object.__setattr__(self, "distortion", _frozen(distortion[order]))
        object.__setattr__(self, "gap_bits", None if gap is None else _frozen(gap[order]))
        self._check_shape()

    @property
    def accuracy(self) -> FloatArray:
        """1 - distortion, shape (M,)."""
        return 1.0 - self.distortion

    @property
    def least_distortion(self) -> float:
        """Below this distortion the curve is not defined."""
        return float(self.distortion[0])

    def rate_at(self, distortion: float) -> float | None:
        """Rate at a distortion, by straight lines; None below the least distortion.

        Above the greatest it is the last point's rate: 0 for a curve that reaches zero rate.

        Where several points share one distortion the lowest rate counts.
        """
        if not distortion >= self.distortion[0] - SAME_DISTORTION:
            return None
        distortion = max(distortion, self.least_distortion)
        after = int(np.searchsorted(self.distortion, distortion, side="right"))
        if after == self.distortion.size or self.distortion[after - 1] == distortion:
            return float(self.rate_bits[after - 1])
        d, r = self.distortion[after - 1 : after + 1], self.rate_bits[after - 1 : after + 1]
        return float(r[0] + (r[1] - r[0]) * (distortion - d[0]) / (d[1] - d[0]))

    def distortion_at(self, rate_bits: float) -> float | None:
        """Least distortion on the drawn line at no more than `rate_bits`; None where all of it costs more."""
        affordable = np.flatnonzero(self.rate_bits <= rate_bits)
        if affordable.size == 0:
            return None
        first = int(affordable[0])
        if first == 0:
            return float(self.distortion[0])
        (d0, d1), (r0, r1) = self.distortion[first - 1 : first + 1], self.rate_bits[first - 1 : first + 1]
        return float(d1 - (d1 - d0) * (rate_bits - r1) / (r0 - r1))

    def envelope(self, zero_rate_distortion: float) -> RateDistortionCurve:
        """Lower convex hull with the point (0 bit, `zero_rate_distortion`): what time sharing makes of it."""
        kept = self.distortion < zero_rate_distortion
        rate = np.append(self.rate_bits[kept], 0.0)
        distortion = np.append(self.distortion[kept], zero_rate_distortion)
        gap = None if self.gap_bits is None else np.append(self.gap_bits[kept], 0.0)
        hull = lower_hull(distortion, rate)
        hull = hull[: int(np.argmin(rate[hull])) + 1]  # a point at zero rate ends the curve
        return replace(
            self,
            rate_bits=rate[hull],
            distortion=distortion[hull],
            gap_bits=None if gap is None else gap[hull],
            assumptions=f"lower convex envelope with the zero-rate point of: {self.assumptions}",
            monotone=True,
            convex=True,
        )

    def per(self, count: float, unit: str = "bit/pixel") -> RateDistortionCurve:
        """The same curve with its rates divided by the sample's `count` of pixels or points."""
        if not (np.isfinite(count) and count > 0):
            raise InputError(f"a curve in {unit} needs a positive count per sample, got {count}")
        gap = None if self.gap_bits is None else self.gap_bits / count
        return replace(self, rate_bits=self.rate_bits / count, gap_bits=gap, unit=unit)

    def _check_shape(self) -> None:
        slack = SHAPE_TOLERANCE_BITS + (0.0 if self.gap_bits is None else float(self.gap_bits.max()))
        rise = float(np.diff(self.rate_bits).max(initial=0.0))
        if self.monotone and rise > slack:
            raise InputError(f"{self.name} is declared nonincreasing but its rate rises by {rise:.3g} bit")
        bump = _greatest_bump(self.distortion, self.rate_bits)
        if self.convex and bump > slack:
            raise InputError(f"{self.name} is declared convex but a point lies {bump:.3g} bit above its hull")


def _greatest_bump(distortion: FloatArray, rate: FloatArray) -> float:
    lowest = np.append(
        np.diff(distortion) > 0, True
    )  # of points with one distortion the last has the least rate
    hull = lower_hull(distortion, rate)
    below = np.interp(distortion[lowest], distortion[hull], rate[hull])
    return float((rate[lowest] - below).max(initial=0.0))


def _check_values(name: str, rate: FloatArray, distortion: FloatArray, gap: FloatArray | None) -> None:
    sizes = {rate.size, distortion.size} | (set() if gap is None else {gap.size})
    if len(sizes) != 1 or rate.size == 0:
        raise InputError(
            f"{name}: rate, distortion and gap must have one length >= 1, they have {sorted(sizes)}"
        )
    _check_range(name, "rate_bits", rate, np.inf)
    _check_range(name, "distortion", distortion, 1.0)
    if gap is not None:
        _check_range(name, "gap_bits", gap, np.inf)


def _check_range(name: str, what: str, values: FloatArray, upper: float) -> None:
    bad = np.flatnonzero(~(np.isfinite(values) & (values >= 0.0) & (values <= upper)))
    if bad.size:
        raise InputError(
            f"{name}: {what} must be finite and in [0, {upper:g}], entry {bad[0]} is {values[bad[0]]}"
        )


def _vector(values: FloatArray) -> FloatArray:
    array = np.array(values, dtype=np.float64)
    if array.ndim != 1:
        raise InputError(f"a curve's arrays must have shape (M,), one has shape {array.shape}")
    return array


def _frozen(array: FloatArray) -> FloatArray:
    array.setflags(write=False)
    return array
