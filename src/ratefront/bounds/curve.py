"""A rate–distortion curve as a value: construction checks it, so that it is valid once it exists."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ratefront.bounds.curve_names import CURVE_KINDS, ERRORS, DistortionMeasure
from ratefront.bounds.source.distributions import FloatArray, IntArray, as_numbers
from ratefront.errors import InputError

SHAPE_TOLERANCE_BITS = 1e-7
"""Rounding allowed when a declared shape is checked; the certified gaps of iterated points are added to it."""
ROUNDING = 1e-14
"""The same, relative to the greatest rate, for sources with a huge number of classes."""

SAME_DISTORTION = 1e-9
"""Measured distortions are multiples of 1/N. Two values closer than this are the same distortion."""

POINTWISE = ("rate_bits", "distortion", "gap_bits", "slope", "distortion_expected", "along")
"""The arrays of shape (M,)."""


@dataclass(frozen=True, eq=False)
class RateDistortionCurve:
    """Points (distortion, rate), sorted by distortion, and the straight lines between them (time sharing).

    An achievable curve may turn back, in distortion and in rate. Then `along` gives the order of its points, and
    the straight lines join them in that order.

    Attributes:
        name: its key in files, for instance "oracle".
        rate_bits: shape (M,), in `unit`.
        distortion: shape (M,), in the unit of `measure`, nondecreasing.
        gap_bits: shape (M,) or None. At the same distortion, the true curve lies at most this far below the point.
        slope: shape (M,) or None. The slope in nat per unit of distortion at which each point was solved.
        distortion_expected: shape (M,) or None. Where `distortion` was measured on the labels, this is the
            distortion that the posteriors expect. It need not be sorted.
        along: shape (M,) or None. The position of each point along the curve; None means the order of distortion.
        assumptions: in words.
        monotone: whether the curve claims to be nonincreasing; construction checks it.
        convex: whether the curve claims to be convex; construction checks it.
        measure: what `distortion` counts (`curve_names.DistortionMeasure`); the errors P(Y^ != Y) by default.
        unit: of the rates.

    Raises:
        InputError: arrays that are empty or of unequal length, values that are not finite or out of range, a claim
            that does not hold.

    Example:
        >>> import numpy as np
        >>> curve = RateDistortionCurve("mine", rate_bits=np.array([3.0, 0.0]), distortion=np.array([0.1, 0.9]))
        >>> curve.rate_at(0.3), curve.rate_at(0.05)  # bit/sample at 70 % accuracy; not defined at 95 %
        (2.25, None)
        >>> round(curve.distortion_at(1.5), 3)
        0.5
        >>> curve.per(28 * 28).unit
        'bit/pixel'
    """

    name: str
    rate_bits: FloatArray
    distortion: FloatArray
    gap_bits: FloatArray | None = None
    slope: FloatArray | None = None
    distortion_expected: FloatArray | None = None
    along: FloatArray | None = None
    assumptions: str = ""
    monotone: bool = False
    convex: bool = False
    measure: DistortionMeasure = ERRORS
    unit: str = "bit/sample"

    def __post_init__(self) -> None:
        arrays = {name: _vector(getattr(self, name)) for name in POINTWISE if getattr(self, name) is not None}
        _check_lengths(self.name, arrays)
        upper = {"distortion": self.measure.greatest, "distortion_expected": self.measure.greatest}
        for name, values in arrays.items():
            if name not in ("slope", "along"):
                _check_range(self.name, name, values, upper.get(name, np.inf))
        order = np.lexsort((-arrays["rate_bits"], arrays["distortion"]))
        for name, values in arrays.items():
            object.__setattr__(self, name, _frozen(values[order]))
        self._check_shape()

    def __repr__(self) -> str:
        """Return the ranges only: hundreds of points do not help a reader."""
        rates, distortions = (f"{x.min():.4g} to {x.max():.4g}" for x in (self.rate_bits, self.distortion))
        return f"<curve {self.name}: {self.rate_bits.size} points, {rates} {self.unit}, distortion {distortions}>"

    @classmethod
    def of_kind(
        cls, name: str, rate_bits: FloatArray, distortion: FloatArray, **more: Any
    ) -> RateDistortionCurve:
        """Build a curve of `curve_names.CURVE_KINDS`, with the assumptions and the shape that theory gives it."""
        kind = CURVE_KINDS[name]
        shaped = kind.is_rate_distortion_function
        more = {"assumptions": kind.assumptions, "monotone": shaped, "convex": shaped, **more}
        return cls(name, rate_bits, distortion, **more)

    @property
    def accuracy(self) -> FloatArray:
        """1 - distortion, shape (M,).

        Raises:
            InputError: the curve's distortion is not an error probability.
        """
        if not self.measure.is_error_probability:
            raise InputError(f"{self.name}: {self.measure.title} is no probability of error: no accuracy")
        return 1.0 - self.distortion

    @property
    def least_distortion(self) -> float:
        """The curve is not defined below this distortion."""
        return float(self.distortion[0])

    @property
    def line(self) -> tuple[FloatArray, FloatArray]:
        """(rate, distortion) in the order in which the curve passes its points."""
        if self.along is None:
            return self.rate_bits, self.distortion
        order = np.argsort(self.along, kind="stable")
        return self.rate_bits[order], self.distortion[order]

    @property
    def turns_back(self) -> bool:
        """Whether the distortion both rises and falls along the curve."""
        steps = np.diff(self.line[1])
        return bool(np.any(steps > 0) and np.any(steps < 0))

    def rate_at(self, distortion: float) -> float | None:
        """Return the rate at a distortion, on the straight lines; None below the least distortion.

        Where the line passes a distortion several times, the lowest rate counts. Above the greatest distortion the
        result is that point's rate: 0 for a curve that ends at zero rate. An achievable curve may need less rate
        at a lower distortion; `envelope` accounts for that, this method does not.
        """
        if not distortion >= self.distortion[0] - SAME_DISTORTION:
            return None
        at = float(np.clip(distortion, self.distortion[0], self.distortion[-1]))
        rate, along = self.line
        (r0, r1), (d0, d1) = (rate[:-1], rate[1:]), (along[:-1], along[1:])
        over = (np.minimum(d0, d1) <= at) & (at <= np.maximum(d0, d1)) & (d0 != d1)
        passed = _between(at, d0[over], d1[over], r0[over], r1[over])
        return float(np.min(np.append(passed, rate[along == at])))

    def distortion_at(self, rate_bits: float) -> float | None:
        """Return the least distortion on the line at no more than `rate_bits`; None where the whole line costs more."""
        rate, along = self.line
        affordable = rate <= rate_bits
        if not np.any(affordable):
            return None
        (r0, r1), (d0, d1) = (rate[:-1], rate[1:]), (along[:-1], along[1:])
        over = affordable[:-1] != affordable[1:]
        passed = _between(rate_bits, r0[over], r1[over], d0[over], d1[over])
        return float(np.append(along[affordable], passed).min())

    def envelope(self, zero_rate_distortion: float) -> RateDistortionCurve:
        """Return the lower convex hull with the point (0 bit, `zero_rate_distortion`): what time sharing achieves."""
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
            slope=None,
            distortion_expected=None,
            along=None,
            assumptions=f"lower convex envelope with the zero-rate point of: {self.assumptions}",
            monotone=True,
            convex=True,
        )

    def per(self, count: float, unit: str = "bit/pixel") -> RateDistortionCurve:
        """Return the same curve with its rates divided by `count`, the number of pixels or points in a sample.

        Raises:
            InputError: a count that is not finite and positive.
        """
        if not (np.isfinite(count) and count > 0):
            raise InputError(f"a curve in {unit} needs a positive count per sample, got {count}")
        gap = None if self.gap_bits is None else self.gap_bits / count
        return replace(self, rate_bits=self.rate_bits / count, gap_bits=gap, slope=None, unit=unit)

    def expected(self) -> RateDistortionCurve:
        """Return the same points against the distortion that the posteriors expect.

        For TMRD that is a rate–distortion function, for S&C an achievable curve.

        Raises:
            InputError: the curve does not carry the expected distortion.
        """
        if self.distortion_expected is None:
            raise InputError(f"{self.name} carries no expected distortion")
        shaped = self.name in CURVE_KINDS and CURVE_KINDS[self.name].is_optimal_in_expectation
        return replace(
            self,
            distortion=self.distortion_expected,
            distortion_expected=None,
            monotone=shaped,
            convex=shaped,
        )

    def _check_shape(self) -> None:
        """Check the declared shape. A point may lie above the true curve by its own certified gap."""
        gap = np.zeros_like(self.rate_bits) if self.gap_bits is None else self.gap_bits
        rounding = max(SHAPE_TOLERANCE_BITS, ROUNDING * float(self.rate_bits.max()))
        rise = float((np.diff(self.rate_bits) - gap[1:]).max(initial=0.0))
        if self.monotone and rise > rounding:
            raise InputError(f"{self.name} is declared nonincreasing but its rate rises by {rise:.3g} bit")
        bump = float((_above_hull(self.distortion, self.rate_bits) - gap).max(initial=0.0))
        if self.convex and bump > rounding:
            raise InputError(f"{self.name} is declared convex but a point lies {bump:.3g} bit above its hull")


def _between(at: float, x0: FloatArray, x1: FloatArray, y0: FloatArray, y1: FloatArray) -> FloatArray:
    """Return y at x = `at` on the lines from (x0, y0) to (x1, y1). Each line crosses `at` and is not vertical."""
    return np.asarray(y0 + (at - x0) / (x1 - x0) * (y1 - y0))


def _above_hull(distortion: FloatArray, rate: FloatArray) -> FloatArray:
    """Return how far each point lies above the lower hull, shape (M,).

    Of points with the same distortion only the last one is checked: it has the least rate.
    """
    judged = np.append(np.diff(distortion) > 0, True)
    hull = lower_hull(distortion, rate)
    return np.where(judged, rate - np.interp(distortion, distortion[hull], rate[hull]), 0.0)


def _check_lengths(name: str, arrays: dict[str, FloatArray]) -> None:
    sizes = {what: values.size for what, values in arrays.items()}
    if len(set(sizes.values())) != 1 or 0 in sizes.values():
        given = ", ".join(f"{what} {size}" for what, size in sizes.items())
        raise InputError(f"{name}: all arrays must have one length >= 1, they have: {given}")


def _check_range(name: str, what: str, values: FloatArray, upper: float) -> None:
    bad = np.flatnonzero(~(np.isfinite(values) & (values >= 0.0) & (values <= upper)))
    if bad.size:
        raise InputError(
            f"{name}: {what} must be finite and in [0, {upper:g}], entry {bad[0]} is {values[bad[0]]}"
        )


def _vector(values: FloatArray) -> FloatArray:
    array = np.array(as_numbers(values, "a curve's arrays"))
    if array.ndim != 1:
        raise InputError(f"a curve's arrays must have shape (M,), one has shape {array.shape}")
    return array


def _frozen(array: FloatArray) -> FloatArray:
    array.setflags(write=False)
    return array


def lower_hull(distortion: FloatArray, rate_bits: FloatArray) -> IntArray:
    """Return the indices of the lower convex hull's vertices, by increasing distortion (Andrew's monotone chain).

    Args:
        distortion: shape (M,), in any order.
        rate_bits: shape (M,).
    """
    hull: list[int] = []
    for index in np.lexsort((rate_bits, distortion)):
        if hull and distortion[index] == distortion[hull[-1]]:
            continue
        while len(hull) > 1 and not _turns_up(distortion, rate_bits, hull[-2], hull[-1], int(index)):
            hull.pop()
        hull.append(int(index))
    return np.asarray(hull, dtype=np.int64)


def _turns_up(x: FloatArray, y: FloatArray, first: int, middle: int, last: int) -> bool:
    before = (y[middle] - y[first]) * (x[last] - x[middle])
    after = (y[last] - y[middle]) * (x[middle] - x[first])
    return bool(before < after)
