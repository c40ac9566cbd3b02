"""How far a measured point lies above a bound, at its own accuracy."""

from __future__ import annotations

from dataclasses import dataclass

from ratefront.bounds.curve import RateDistortionCurve

ROUNDING = 1e-9
"""1 - A may round to just below a bound's least distortion, although the codec reaches that distortion exactly."""


@dataclass(frozen=True, slots=True)
class Gap:
    """How far a point lies above a bound; None, with the reason, where the bound says nothing.

    Attributes:
        bits: R - R_b(1 - A), in bit/sample.
        ratio: R / R_b(1 - A).
        reason: why both are None; empty where they are numbers.
    """

    bits: float | None
    ratio: float | None
    reason: str = ""


def gap(rate_bits: float, accuracy: float, bound: RateDistortionCurve) -> Gap:
    """Return the gap of a point to one bound.

    The gap is undefined, never infinite, where D = 1 - A lies below the bound's least distortion or where R_b = 0.
    """
    rate = rate_at_accuracy(bound, accuracy)
    if isinstance(rate, str):
        return Gap(None, None, rate)
    if rate <= 0.0:
        return Gap(None, None, f"the bound needs no bits at D = {1.0 - accuracy:.4g}")
    return Gap(rate_bits - rate, rate_bits / rate)


def rate_at_accuracy(curve: RateDistortionCurve, accuracy: float, called: str = "the bound") -> float | str:
    """Return a curve's rate in bit/sample at an accuracy, or why there is none: D lies below its least one."""
    least, distortion = curve.least_distortion, 1.0 - accuracy
    if abs(distortion - least) <= ROUNDING:
        distortion = least
    rate = curve.rate_at(distortion)
    if rate is None:
        return f"D = {distortion:.4g} lies below {called}'s least distortion {least:.4g}"
    return rate


def convex_bound(curve: RateDistortionCurve, zero_rate_distortion: float) -> RateDistortionCurve:
    """Return the curve that gaps are measured to: a curve that is not convex is replaced by its envelope."""
    return curve if curve.convex else curve.envelope(zero_rate_distortion)
