"""The rate axis of a bounds figure.

It is linear if the rates allow it, since curves joined by time sharing are straight on a linear axis.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ratefront.bounds import RateDistortionCurve

if TYPE_CHECKING:
    from matplotlib.axes import Axes

GREATEST_LINEAR_SPAN = 100.0
"""Two decades. A curve that makes half its way in a hundredth of the axis cannot be read on a linear axis."""

LOG_START, LOG_END, LINEAR_END = 0.05, 1.5, 1.04
WRITTEN_OUT_DECADES = 3.5


@dataclass(frozen=True)
class RateAxis:
    """Limits in bit/sample. A logarithmic axis begins above 0; smaller rates go to its left edge."""

    left: float
    right: float
    logarithmic: bool

    def drawn_rate(self, rate_bits: float) -> float:
        """Return where to draw a rate. A rate without a place of its own goes to the left edge."""
        return max(rate_bits, self.left)

    def position(self, rate_bits: float) -> float:
        """Return where a rate lies between the left end (0) and the right end (1)."""
        if not self.logarithmic:
            return rate_bits / self.right
        return float(np.log(self.drawn_rate(rate_bits) / self.left) / np.log(self.right / self.left))

    def apply(self, axes: Axes) -> None:
        """Set scale, limits, ticks and label of the horizontal axis."""
        if self.logarithmic:
            axes.set_xscale("log")
            _write_out_ticks(axes, np.log10(self.right / self.left))
        axes.set_xlim(self.left, self.right)
        axes.set_xlabel("rate (bit/sample)")


def rate_axis(curves: Iterable[RateDistortionCurve], greatest_other: float = 0.0) -> RateAxis:
    """Return an axis from 0 on, linear unless the rates span more than two decades above their useful minimum.

    That minimum is the least positive rate at which a curve has made half its way from its least to its
    greatest accuracy. Rates near 0 do not count: every curve that reaches zero rate has them.

    Args:
        curves: The curves to draw.
        greatest_other: The greatest rate drawn besides the curves, in bit/sample.
    """
    drawn = list(curves)
    greatest = max(greatest_other, *(float(curve.rate_bits.max()) for curve in drawn))
    halves = [half for curve in drawn if (half := _half_way(curve)) > 0.0]
    if not halves:
        return RateAxis(0.0, LINEAR_END * greatest if greatest > 0.0 else 1.0, False)
    if greatest <= GREATEST_LINEAR_SPAN * min(halves):
        return RateAxis(0.0, LINEAR_END * greatest, False)
    return RateAxis(LOG_START * min(halves), LOG_END * greatest, True)


def _half_way(curve: RateDistortionCurve) -> float:
    middle = (float(curve.distortion[0]) + float(curve.distortion[-1])) / 2.0
    return curve.rate_at(middle) or 0.0


def _write_out_ticks(axes: Axes, decades: float) -> None:
    """Write ticks as 1, 2, 5, 10 ... instead of powers of ten; over many decades only 1, 10, 100 ...."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator

    subs = (1.0, 2.0, 5.0) if decades < WRITTEN_OUT_DECADES else (1.0,)
    axes.xaxis.set_major_locator(LogLocator(base=10, subs=subs, numticks=30))
    minor = NullLocator() if len(subs) > 1 else LogLocator(base=10, subs=range(2, 10), numticks=30)
    axes.xaxis.set_minor_locator(minor)
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
