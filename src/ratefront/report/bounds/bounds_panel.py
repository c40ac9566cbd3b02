"""The axes of a bounds figure: accuracy over rate, and accuracy over the bits above the oracle."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from ratefront.bounds import ORACLE, TIME_SHARING, RateDistortionCurve
from ratefront.bounds.curve_names import LINEAR_RULE
from ratefront.bounds.source.distributions import FloatArray
from ratefront.report.bounds.bounds_content import BoundsContent, is_point
from ratefront.report.bounds.held_out_band import HeldOutBand
from ratefront.report.bounds.rate_axis import RateAxis, rate_axis
from ratefront.report.colours import BOUNDS, MUTED, bound_style
from ratefront.report.curve_artists import (
    line_looks,
    line_zorder,
    point_looks,
    point_zorder,
    set_grid_and_frame,
    shade_unattainable,
)
from ratefront.report.front.axis_ranges import interpolated_curve
from ratefront.report.front.legend_artists import escape_mathtext

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LEAST_SPAN = 0.1
"""The axis shows at least this range of accuracies; a smaller one would show rounding."""

TEXT_HEIGHT, TEXT_WIDTH = 0.11, 0.3
"""Shares of the axes that the text "unattainable" takes; the width is that in the narrowest axes."""

FAR_FROM_ORACLE = (TIME_SHARING, LINEAR_RULE)
"""Curves far above the oracle. An axis that held them would show nothing of the others."""

BAND_ALPHA, FEW_BANDS = 0.18, 3
HELD_OUT_WIDTH = 0.7

HorizontalPosition = Callable[[FloatArray, FloatArray], FloatArray]
"""Maps rates in bit/sample and accuracies to positions on the horizontal axis."""


def draw_accuracy_over_rate(axes: Axes, content: BoundsContent) -> None:
    """Draw accuracy over rate: the curves, and the region that the oracle forbids."""
    greatest = max((band.greatest for band in content.bands.values()), default=0.0)
    span = rate_axis(content.curves.values(), greatest)
    span.apply(axes)
    axes.set_ylim(*_accuracy_limits(content))
    axes.set_ylabel(_accuracy_title(content.curves))
    _draw_all(axes, content, lambda rate, _: rate, finely=span.logarithmic)
    if content.oracle is not None:
        shade_unattainable(axes, *interpolated_curve(content.oracle))
        _name_unattainable(axes, content, content.oracle, span)


def draw_bits_above_oracle(axes: Axes, content: BoundsContent, oracle: RateDistortionCurve) -> None:
    """Draw accuracy over R - R_oracle: the bits that a curve needs beyond the oracle at the same accuracy.

    The axis ends where the bounds end. Time sharing, the linear rule and codes may lie outside it.
    """

    def excess(rate: FloatArray, accuracy: FloatArray) -> FloatArray:
        return rate - np.interp(1.0 - accuracy, oracle.distortion, oracle.rate_bits)

    close = [name for name in content.curves if _is_near_oracle(name)] or list(content.curves)
    ends = np.concatenate([excess(*interpolated_curve(content.curves[name])) for name in close])
    least, greatest = min(0.0, float(ends.min())), max(float(ends.max()), 1e-3)
    axes.set_xlim(1.08 * least - 0.03 * greatest, 1.08 * greatest)
    axes.set_xlabel("bits above the oracle\nat the same accuracy")
    axes.tick_params(labelleft=False)
    _draw_all(axes, content, excess, finely=True)


def _is_near_oracle(name: str) -> bool:
    return name in BOUNDS and name not in (ORACLE, *FAR_FROM_ORACLE) and not BOUNDS[name].marker


def _draw_all(axes: Axes, content: BoundsContent, position_of: HorizontalPosition, finely: bool) -> None:
    set_grid_and_frame(axes)
    for name, curve in content.curves.items():
        _draw_curve(axes, name, curve, position_of, finely)
    alpha = BAND_ALPHA if len(content.bands) <= FEW_BANDS else BAND_ALPHA / 2.0
    for name, band in content.bands.items():
        _draw_band(axes, name, band, position_of, alpha)
    for reference in content.reference_lines:
        axes.axhline(
            reference.accuracy,
            color=reference.colour,
            linestyle=reference.line,
            linewidth=0.7,
            zorder=1.5,
            gid=reference.title,
        )


def _draw_curve(
    axes: Axes, name: str, curve: RateDistortionCurve, position_of: HorizontalPosition, finely: bool
) -> None:
    style = bound_style(name)
    if is_point(curve) or style.marker:
        _draw_points(axes, name, position_of(curve.rate_bits, curve.accuracy), curve.accuracy)
        return
    rate, accuracy = interpolated_curve(curve) if finely else (curve.line[0], 1.0 - curve.line[1])
    axes.plot(position_of(rate, accuracy), accuracy, **line_looks(style), zorder=line_zorder(name), gid=name)


def _draw_points(axes: Axes, name: str, place: FloatArray, accuracy: FloatArray) -> None:
    """Draw whole markers, also on the frame. A rate of 0 goes to the left end of a logarithmic axis."""
    left, right = axes.get_xlim()
    if axes.get_xscale() == "log":
        place = np.maximum(place, left)
    shown = (place >= left) & (place <= right)
    if shown.any():
        looks = point_looks(bound_style(name), accuracy.size)
        axes.plot(place[shown], accuracy[shown], **looks, zorder=point_zorder(name), clip_on=False, gid=name)


def _draw_band(
    axes: Axes, name: str, band: HeldOutBand, position_of: HorizontalPosition, alpha: float
) -> None:
    """Draw a held-out interval. Without an upper end it is open to the right; without a lower end it is left out."""
    colour, right_of_axis = bound_style(name).colour, 2.0 * axes.get_xlim()[1]
    middle = position_of(band.rate_bits, band.accuracy)
    axes.plot(
        middle, band.accuracy, color=colour, linewidth=HELD_OUT_WIDTH, zorder=1.3, gid=f"{name} held out"
    )
    low, high = (
        np.minimum(position_of(ends, band.accuracy), right_of_axis) for ends in (band.low, band.high)
    )
    shown = np.isfinite(band.low)
    if band.rate_bits.size > 1:
        axes.fill_betweenx(
            band.accuracy, low, high, where=shown, color=colour, alpha=alpha, linewidth=0, zorder=1.2
        )
    elif shown[0]:
        ends = [float(low[0]), float(high[0])]
        axes.plot(ends, [band.accuracy[0]] * 2, color=colour, alpha=2.0 * alpha, linewidth=3.0, zorder=1.2)


def _accuracy_limits(content: BoundsContent) -> tuple[float, float]:
    groups = [curve.accuracy for curve in content.curves.values()]
    groups += [band.accuracy for band in content.bands.values()]
    values = np.concatenate([*groups, [reference.accuracy for reference in content.reference_lines]])
    low, high = float(values.min()), float(values.max())
    span = max(high - low, LEAST_SPAN)
    return min(low - 0.04 * span, high - span), high + 0.03 * span


def _accuracy_title(curves: Mapping[str, RateDistortionCurve]) -> str:
    titles = {curve.measure.title for curve in curves.values() if curve.measure.name != "errors"}
    return "accuracy" if not titles else f"1 − {escape_mathtext(', '.join(sorted(titles)))}"


def _name_unattainable(
    axes: Axes, content: BoundsContent, oracle: RateDistortionCurve, span: RateAxis
) -> None:
    """Write into the region above the oracle what it is, if the region is wide enough."""
    bottom, top = axes.get_ylim()
    high = 0.94
    for reference in content.reference_lines:
        line = (reference.accuracy - bottom) / (top - bottom)
        high = line - 0.025 if high - TEXT_HEIGHT - 0.01 < line < high + 0.02 else high
    lowest = bottom + (high - TEXT_HEIGHT) * (top - bottom)
    rate = oracle.rate_at(max(0.0, 1.0 - lowest))
    if rate is not None and span.position(rate) > TEXT_WIDTH:
        text = "unattainable:\nbelow the oracle"
        axes.text(0.025, high, text, transform=axes.transAxes, color=MUTED, va="top", fontsize=8)
