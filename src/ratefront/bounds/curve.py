"""A rate-distortion curve as a value that cannot be wrong once it is built."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ratefront.bounds.curve_names import CURVE_KINDS, ERRORS, DistortionMeasure
from ratefront.bounds.source.distributions import FloatArray, IntArray, as_numbers
from ratefront.errors import InputError

SHAPE_TOLERANCE_BITS = 1e-7
"""Rounding allowed when a declared shape is checked; the certified gaps of iterated points come on top."""
ROUNDING = 1e-14
"""The same relative to the greatest rate, for sources of astronomically many classes."""

SAME_DISTORTION = 1e-9
"""Measured distortions are multiples of 1/N: what lies closer to the least distortion lies on it."""

POINTWISE = ("rate_bits", "distortion", "gap_bits", "slope", "distortion_expected", "along")
"""The arrays of shape (M,)."""


@dataclass(frozen=True, eq=False)
class RateDistortionCurve:
    """Points (distortion, rate), sorted by distortion, and the straight lines between them (time sharing).

    An achievable curve may turn back, in distortion and in rate: then `along` says in which order its points
    follow each other, and the straight lines join them so.

    Attributes:
        name: its key in files, for instance "oracle".
        rate_bits: shape (M,), in `unit`.
        distortion: shape (M,), in the unit of `measure`, nondecreasing.
        gap_bits: shape (M,) or None: at the same distortion the true curve lies at most this far below the
            point.
        slope: shape (M,) or None: the slope in nat per unit of distortion that each point was solved at.
        distortion_expected: shape (M,) or None: where `distortion` was measured on the labels, what the
            posteriors themselves expect it to be; it need not be sorted.
        along: shape (M,) or None: the place of each point on the curve's way; None where it is the order of
            distortion.
        assumptions: in words.
        monotone, convex: what the curve claims to be; construction checks it.
        measure: what `distortion` counts (`names.DistortionMeasure`); errors P(Y^ != Y) by default.

    Raises:
        InputError: arrays of unequal or no length, values that are not finite or out of range, a claim that
            does not hold (fatal).

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
        """Its ranges: hundreds of points tell a reader nothing."""
        rates, distortions = (f"{x.min():.4g} to {x.max():.4g}" for x in (self.rate_bits, self.distortion))
        return f"<curve {self.name}: {self.rate_bits.size} points, {rates} {self.unit}, distortion {distortions}>"

    @classmethod
    def of_kind(
        cls, name: str, rate_bits: FloatArray, distortion: FloatArray, **more: Any
    ) -> RateDistortionCurve:
        """A curve of `names.CURVE_KINDS`: with its assumptions, and claiming the shape that theory gives it."""
        kind = CURVE_KINDS[name]
        shaped = kind.is_rate_distortion_function
        more = {"assumptions": kind.assumptions, "monotone": shaped, "convex": shaped, **more}
        return cls(name, rate_bits, distortion, **more)

    @property
    def accuracy(self) -> FloatArray:
        """1 - distortion, shape (M,).

        Raises:
            InputError: the curve's distortion is no probability of error (fatal).
        """
        if not self.measure.is_error_probability:
            raise InputError(f"{self.name}: {self.measure.title} is no probability of error: no accuracy")
        return 1.0 - self.distortion

    @property
    def least_distortion(self) -> float:
        """Below this distortion the curve is not defined."""
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
        """Whether the distortion goes to and fro along the curve."""
        steps = np.diff(self.line[1])
        return bool(np.any(steps > 0) and np.any(steps < 0))

    def rate_at(self, distortion: float) -> float | None:
        """Rate at a distortion, by straight lines; None below the least distortion.

        Where the line passes a distortion several times the lowest rate counts. Above the greatest distortion
        it is that point's rate: 0 for a curve that ends at zero rate. It is the rate at this distortion, which
        an achievable curve may undercut at a lower one.
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
        """Least distortion on the drawn line at no more than `rate_bits`; None where all of it costs more."""
        rate, along = self.line
        affordable = rate <= rate_bits
        if not np.any(affordable):
            return None
        (r0, r1), (d0, d1) = (rate[:-1], rate[1:]), (along[:-1], along[1:])
        over = affordable[:-1] != affordable[1:]
        passed = _between(rate_bits, r0[over], r1[over], d0[over], d1[over])
        return float(np.append(along[affordable], passed).min())

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
            slope=None,
            distortion_expected=None,
            along=None,
            assumptions=f"lower convex envelope with the zero-rate point of: {self.assumptions}",
            monotone=True,
            convex=True,
        )

    def per(self, count: float, unit: str = "bit/pixel") -> RateDistortionCurve:
        """The same curve with its rates divided by the sample's `count` of pixels or points."""
        if not (np.isfinite(count) and count > 0):
            raise InputError(f"a curve in {unit} needs a positive count per sample, got {count}")
        gap = None if self.gap_bits is None else self.gap_bits / count
        return replace(self, rate_bits=self.rate_bits / count, gap_bits=gap, slope=None, unit=unit)

    def expected(self) -> RateDistortionCurve:
        """The same points against the distortion that the posteriors expect: of TMRD a rate-distortion
        function, of S&C an achievable curve.

        Raises:
            InputError: the curve does not carry it (fatal).
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
        """Each point lies above the curve that it stands for by its own gap at most."""
        gap = np.zeros_like(self.rate_bits) if self.gap_bits is None else self.gap_bits
        rounding = max(SHAPE_TOLERANCE_BITS, ROUNDING * float(self.rate_bits.max()))
        rise = float((np.diff(self.rate_bits) - gap[1:]).max(initial=0.0))
        if self.monotone and rise > rounding:
            raise InputError(f"{self.name} is declared nonincreasing but its rate rises by {rise:.3g} bit")
        bump = float((_above_hull(self.distortion, self.rate_bits) - gap).max(initial=0.0))
        if self.convex and bump > rounding:
            raise InputError(f"{self.name} is declared convex but a point lies {bump:.3g} bit above its hull")


def _between(at: float, x0: FloatArray, x1: FloatArray, y0: FloatArray, y1: FloatArray) -> FloatArray:
    """y at x = `at` on the lines from (x0, y0) to (x1, y1), which pass it and are not upright."""
    return np.asarray(y0 + (at - x0) / (x1 - x0) * (y1 - y0))


def _above_hull(distortion: FloatArray, rate: FloatArray) -> FloatArray:
    """How far each point lies above the lower hull, shape (M,); of points with one distortion only the last,
    which has the least rate, is judged.
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
    """Indices of the lower convex hull's vertices, by increasing distortion (Andrew's monotone chain)."""
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
