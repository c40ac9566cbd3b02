"""The oracle (oRD), which no codec can lie below: RA equation 4, and the exact curve of any other prior."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import resources

import numpy as np
import numpy.typing as npt
from scipy.special import entr, xlogy

from ratefront.bounds.curve import RateDistortionCurve
from ratefront.bounds.names import CURVE_KINDS, ORACLE
from ratefront.bounds.source import FloatArray
from ratefront.bounds.tracing import TracedPoint, trace_convex
from ratefront.bounds.water_filling import WaterFilling
from ratefront.errors import InputError

CLOSED_FORM_POINTS = 256


def uniform_rate_bits(classes: int, distortion: npt.ArrayLike) -> FloatArray:
    """RA equation 4 for K equiprobable classes: log2 K - D log2(K-1) - h(D), 0 from D = 1 - 1/K on.

    Raises:
        InputError: fewer than one class, or a distortion outside [0, 1] (fatal).
    """
    d = np.asarray(distortion, dtype=np.float64)
    if classes < 1 or not np.all((d >= 0.0) & (d <= 1.0)):
        raise InputError(f"needs classes >= 1 and distortions in [0, 1], got {classes} and {d}")
    nats = np.log(classes) - xlogy(d, max(classes - 1, 1)) - entr(d) - entr(1.0 - d)
    return np.where(d >= 1.0 - 1.0 / classes, 0.0, np.maximum(nats, 0.0) / np.log(2))


def oracle_rate_bits(prior: npt.ArrayLike, distortion: npt.ArrayLike) -> FloatArray:
    """R_Y(D) in bit for a prior of shape (K,), exact to rounding; the result has the shape of `distortion`.

    Raises:
        InputError: not a distribution, or a distortion outside [0, 1] (fatal).
    """
    return WaterFilling(prior).rate_bits(distortion)


def oracle_point_at_slope(prior: npt.ArrayLike, slope: float) -> tuple[float, float]:
    """(rate in bit, distortion) where -dR/dD is `slope` nat per unit of distortion."""
    filling = WaterFilling(prior)
    distortion = filling.distortion_at_slope(slope)
    return float(filling.rate_bits(distortion)), distortion


def oracle_curve(prior: npt.ArrayLike, points: int = CLOSED_FORM_POINTS) -> RateDistortionCurve:
    """The oracle from D = 0 (R = H(Y)) to D0 = 1 - max p (R = 0); a single point where D0 = 0."""
    traced = trace_water_filling(WaterFilling(prior), points)
    return RateDistortionCurve(
        name=ORACLE,
        rate_bits=np.array([p.rate_bits for p in traced]),
        distortion=np.array([p.distortion for p in traced]),
        assumptions=CURVE_KINDS[ORACLE].assumptions,
        monotone=True,
        convex=True,
    )


def trace_water_filling(filling: WaterFilling, points: int) -> list[TracedPoint]:
    """`points` points of the exact curve, placed where straight lines between them would err most."""

    def solve(slope: float, _left: TracedPoint, _right: TracedPoint) -> TracedPoint:
        distortion = filling.distortion_at_slope(slope)
        return TracedPoint(distortion, float(filling.rate_bits(distortion)), slope)

    left = TracedPoint(0.0, float(filling.rate_bits(0.0)), np.inf)
    right = TracedPoint(filling.zero_rate_distortion, 0.0, filling.critical_slope)
    return trace_convex(solve, left, right, points)


def modelnet40_test_counts() -> Mapping[str, int]:
    """Shapes of each class in the ModelNet40 test split (2468 in all), the prior of RA Fig. 3."""
    text = (
        resources.files("ratefront.bounds")
        .joinpath("modelnet40_test_counts.json")
        .read_text(encoding="utf-8")
    )
    counts: dict[str, int] = json.loads(text)
    return counts
