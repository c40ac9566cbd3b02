"""The oracle (oRD), which no codec can lie below: RA equation 4, and the exact curve of any other prior."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from ratefront.bounds.closed_form.equiprobable import EquiprobableClasses
from ratefront.bounds.closed_form.water_filling import WaterFilling
from ratefront.bounds.curve import RateDistortionCurve
from ratefront.bounds.curve_names import CURVE_KINDS, ERRORS, ORACLE, DistortionMeasure
from ratefront.bounds.solver.curve_tracing import TracedPoint, arrays_of, trace_convex
from ratefront.bounds.source.distributions import FloatArray
from ratefront.errors import InputError

CLOSED_FORM_POINTS = 256
KNOWN_LABEL = "the transmitter knows the label exactly"


class ClosedForm(Protocol):
    """A rate–distortion function that is known in closed form, in both directions."""

    @property
    def zero_rate_distortion(self) -> float:
        """The least distortion at 0 bit."""
        ...

    @property
    def critical_slope(self) -> float:
        """-dR/dD in nat, just left of the least distortion at 0 bit."""
        ...

    def rate_bits(self, distortion: npt.ArrayLike) -> FloatArray:
        """Return R(D) in bit, in the shape of `distortion`."""
        ...

    def distortion_at_slope(self, slope: float) -> float:
        """Return D where -dR/dD is `slope` nat; 0 at infinite slope."""
        ...


def uniform_rate_bits(classes: int, distortion: npt.ArrayLike) -> FloatArray:
    """Return RA equation 4 for K equiprobable classes: log2 K - D log2(K-1) - h(D), and 0 from D = 1 - 1/K on.

    Args:
        classes: K, an integer of any size.
        distortion: D in [0, 1], of any shape; the result has the same shape.

    Raises:
        InputError: fewer than one class, or a distortion outside [0, 1].

    Example:
        >>> round(float(uniform_rate_bits(10, 0.0056)), 5)  # MNIST at 99.44 % accuracy
        3.25423
    """
    return uniform_rate_bits_log2(_log2(classes), distortion)


def uniform_rate_bits_log2(log2_classes: float, distortion: npt.ArrayLike) -> FloatArray:
    """Return the same as `uniform_rate_bits`, from log2 K.

    Raises:
        InputError: log2 K is negative or not finite, or a distortion outside [0, 1].
    """
    return EquiprobableClasses(log2_classes).rate_bits(distortion)


def uniform_curve(classes: int, points: int = CLOSED_FORM_POINTS) -> RateDistortionCurve:
    """Compute RA equation 4 from D = 0 (log2 K bit) to D0 = 1 - 1/K (0 bit).

    Args:
        classes: K, an integer of any size.
        points: number of points, at least 2.

    Raises:
        InputError: fewer than one class, or fewer than two points.
    """
    return uniform_curve_log2(_log2(classes), points)


def uniform_curve_log2(log2_classes: float, points: int = CLOSED_FORM_POINTS) -> RateDistortionCurve:
    """Compute the same as `uniform_curve`, from log2 K.

    Raises:
        InputError: log2 K is negative or not finite, or fewer than two points.
    """
    traced = trace_closed_form(EquiprobableClasses(log2_classes), points)
    return oracle_of_points(
        traced, f"{KNOWN_LABEL}; all of its 2^{log2_classes:.6g} classes are equally likely"
    )


def oracle_rate_bits(prior: npt.ArrayLike, distortion: npt.ArrayLike) -> FloatArray:
    """Return R_Y(D) in bit for any prior, exact to rounding (Erokhin 1958).

    Args:
        prior: p(y), shape (K,).
        distortion: D in [0, 1], of any shape; the result has the same shape.

    Raises:
        InputError: not a distribution, or a distortion outside [0, 1].

    Example:
        >>> oracle_rate_bits([0.5, 0.3, 0.2], [0.0, 0.1]).round(3).tolist()
        [1.485, 0.916]
    """
    return WaterFilling(prior).rate_bits(distortion)


def oracle_point_at_slope(prior: npt.ArrayLike, slope: float) -> tuple[float, float]:
    """Return (rate in bit, distortion) of the oracle where -dR/dD is `slope` nat per unit of distortion.

    Raises:
        InputError: not a distribution.
    """
    filling = WaterFilling(prior)
    distortion = filling.distortion_at_slope(slope)
    return float(filling.rate_bits(distortion)), distortion


def oracle_curve(prior: npt.ArrayLike, points: int = CLOSED_FORM_POINTS) -> RateDistortionCurve:
    """Compute the oracle from D = 0 (R = H(Y)) to D0 = 1 - max p (R = 0); a single point where D0 = 0.

    Args:
        prior: p(y), shape (K,).
        points: number of points, at least 2.

    Raises:
        InputError: not a distribution, or fewer than two points.

    Example:
        >>> curve = oracle_curve([0.5, 0.3, 0.2])
        >>> round(curve.rate_at(0.1), 3)  # bit/sample at 90 % accuracy
        0.916
    """
    traced = trace_closed_form(WaterFilling(prior), points)
    return oracle_of_points(traced, CURVE_KINDS[ORACLE].assumptions)


def oracle_of_points(
    traced: Sequence[TracedPoint[None]], assumptions: str, measure: DistortionMeasure = ERRORS
) -> RateDistortionCurve:
    """Build the oracle's curve from points that were solved exactly, in the unit of `measure`."""
    points = arrays_of(traced)
    return RateDistortionCurve.of_kind(
        ORACLE,
        points.rate_bits,
        points.distortion,
        slope=points.slope,
        assumptions=assumptions,
        measure=measure,
    )


def trace_closed_form(source: ClosedForm, points: int) -> list[TracedPoint[None]]:
    """Return `points` points of the exact curve, placed where straight lines between them would err most."""

    def solve(slope: float, *_neighbours: TracedPoint[None]) -> TracedPoint[None]:
        distortion = source.distortion_at_slope(slope)
        return TracedPoint(distortion, float(source.rate_bits(distortion)), slope)

    left: TracedPoint[None] = TracedPoint(0.0, float(source.rate_bits(0.0)), np.inf)
    right: TracedPoint[None] = TracedPoint(source.zero_rate_distortion, 0.0, source.critical_slope)
    return trace_convex(solve, left, right, points)


def _log2(classes: int) -> float:
    if not classes >= 1:
        raise InputError("needs classes >= 1")
    return math.log2(classes)
