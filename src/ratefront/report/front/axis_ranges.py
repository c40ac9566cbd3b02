"""What the axes of a sweep's figures cover.

A rate of 0 has no place on a logarithmic axis. It is drawn at the left edge, with a marker of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ratefront.bounds import RateDistortionCurve
from ratefront.bounds.source.distributions import FloatArray
from ratefront.report.sweep_view import SweepView

LEAST_RATE, GREATEST_START = 0.02, 0.5
DRAWN_POINTS = 1500


@dataclass(frozen=True)
class AxisRanges:
    """What a panel covers.

    Attributes:
        rate: Least and greatest rate in bit/sample, of a logarithmic axis.
        accuracy: Least and greatest accuracy.
    """

    rate: tuple[float, float]
    accuracy: tuple[float, float]

    def holds_rate(self, rate_bits: float) -> bool:
        """Return whether the rate has a place of its own on the logarithmic axis.

        Smaller rates, 0 bit among them, are drawn at the left edge.
        """
        return rate_bits >= self.rate[0]

    def drawn_rate(self, rate_bits: float) -> float:
        """Return where to draw a rate. A rate without a place of its own goes just inside the left edge."""
        return rate_bits if self.holds_rate(rate_bits) else 1.015 * self.rate[0]

    def position(self, rate_bits: float) -> float:
        """Return where a rate lies on the logarithmic axis: 0 at its left end, 1 at its right end."""
        left, right = self.rate
        return float(np.log(rate_bits / left) / np.log(right / left))


def extended_limits(limits: tuple[float, float]) -> tuple[float, float]:
    """Return how far lines go that do not end with a rate axis, since a reader may zoom out."""
    return 0.1 * limits[0], 10 * limits[1]


def whole_ranges(view: SweepView) -> AxisRanges:
    """Return ranges that hold all measured trials and bounds, from just under the least positive rate."""
    rates = [trial.test.rate_bits for trial in view.measured if trial.test.rate_bits > 0] or [0.2]
    accuracies = [trial.test.accuracy for trial in view.measured]
    chance = 0.0 if view.bounds is None else 1.0 - view.bounds.zero_rate_distortion
    left = float(np.clip(0.6 * min(rates), LEAST_RATE, GREATEST_START))
    right = 1.5 * max(*rates, 1.0, *_bound_rates(view))
    return AxisRanges((left, right), (min([chance, *accuracies]) - 0.05, 1.02))


def close_up_ranges(view: SweepView, whole: AxisRanges) -> AxisRanges | None:
    """Return the region just under the task model's accuracy, where codecs compete.

    None if there is no task model, or no trial in that region.
    """
    if view.bounds is None:
        return None
    top = 1.0 - view.bounds.task_model_distortion
    floor = top - max(0.06, min(0.15, 2.5 * (1.0 - top)))
    points = [t.test for t in view.measured if t.front_status != "collapsed" and t.test.accuracy >= floor]
    start = view.bounds.curves["oracle"].rate_at(1.0 - floor) or 0.0
    if not points or start <= 0.0:
        return None
    rates = [point.rate_bits for point in points]
    right = min(whole.rate[1], 1.25 * max(*rates, 1.5 * start))
    return AxisRanges((0.92 * min(start, *rates), right), (floor, min(1.003, top + 0.55 * (1 - top) + 0.005)))


def _bound_rates(view: SweepView) -> list[float]:
    if view.bounds is None:
        return [1.0]
    return [float(view.bounds.curves[name].rate_bits.max()) for name in view.bound_names] or [1.0]


def interpolated_curve(curve: RateDistortionCurve) -> tuple[FloatArray, FloatArray]:
    """Return rates and accuracies of a curve's straight lines, each cut into many points.

    On a logarithmic axis the lines between a curve's points are not straight.
    """
    along, distortion = curve.line
    size = along.size
    if size == 1:
        return along, 1.0 - distortion
    between = max(2, DRAWN_POINTS // size)
    at = np.linspace(0, size - 1, (size - 1) * between + 1)
    rate = np.interp(at, np.arange(size), along)
    return rate, 1.0 - np.interp(at, np.arange(size), distortion)
