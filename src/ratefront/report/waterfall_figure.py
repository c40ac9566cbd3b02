"""The waterfall of a point as a figure: bars from stage to stage, and the curves that they are read from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING

from ratefront.bounds import ORACLE, PROBE, RateDistortionCurve, Waterfall, WaterfallStep
from ratefront.report.colours import MUTED, TEXT, bound_style
from ratefront.report.curve_artists import line_looks, line_zorder, set_grid_and_frame, shade_unattainable
from ratefront.report.figure_file import PAGE_WIDTH, write_figure
from ratefront.report.front.legend_artists import escape_mathtext

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

HEIGHT = 3.6
MORE, LESS, POINT = "#D55E00", "#009E73", "#0072B2"
FARTHEST = 2.0
"""The last bar ends at the frame, with its number, if it would be longer than so many times all others."""

NOTE_CHARACTERS = 120


def draw_waterfall(
    point: Waterfall, curves: Mapping[str, RateDistortionCurve], rate_bits: float, title: str, path: Path
) -> None:
    """Write the figure to ``path``, as PNG or PDF according to its suffix; the same waterfall gives the same bytes.

    Args:
        point: The waterfall.
        curves: By name; with ``oracle``.
        rate_bits: The rate of the point in the right panel, in bit/sample.
        title: What the point is, for the heading.
        path: The file to write.

    Raises:
        InputError: The suffix is another one, or the file cannot be written.
    """
    write_figure(lambda: waterfall_figure(point, curves, rate_bits, title), path)


def waterfall_figure(
    point: Waterfall, curves: Mapping[str, RateDistortionCurve], rate_bits: float, title: str
) -> Figure:
    """Return the figure: on the left bars in bit/sample, on the right accuracy over rate."""
    from matplotlib.figure import Figure

    notes = _notes(point)
    below = 0.15 * len(notes)
    figure = Figure(figsize=(PAGE_WIDTH, HEIGHT + below))
    height = figure.get_figheight()
    bottom, top = (0.55 + below) / height, 1.0 - 0.3 / height
    bars = figure.add_axes((0.19, bottom, 0.40, top - bottom))
    beside = figure.add_axes((0.68, bottom, 0.30, top - bottom))
    _draw_bars(bars, point)
    _draw_curves(beside, point, curves, rate_bits)
    heading = f"{title}: accuracy {point.accuracy:.2%} on test at {rate_bits:.4g} bit/sample"
    figure.text(0.01, 1.0 - 0.08 / height, escape_mathtext(heading), va="top", color=TEXT, fontsize=9)
    for row, line in enumerate(reversed(notes)):
        figure.text(0.01, (0.06 + 0.15 * row) / height, escape_mathtext(line), color=MUTED, fontsize=7)
    return figure


def _notes(point: Waterfall) -> list[str]:
    missing = [f"{stage.title}: not defined, {stage.reason}." for stage in point.stages if stage.bits is None]
    probe = "The probe's curve is achievable, no bound: a receiver that knows more may lie below it."
    return [line for note in (*missing, probe) for line in wrap(note, NOTE_CHARACTERS)]


def _draw_bars(axes: Axes, point: Waterfall) -> None:
    """Draw a row for each stage, from the oracle at the top: the bar of a step ends at the rate of its row."""
    place = {stage.name: row for row, stage in enumerate(point.stages)}
    rate = {stage.name: stage.bits for stage in point.stages if stage.bits is not None}
    left, right = _limits(list(rate.values()))
    axes.set_xlim(left, right)
    axes.set_ylim(len(place) - 0.4, -0.7)
    axes.set_yticks(list(place.values()), [_stage_label(stage.title, stage.bits) for stage in point.stages])
    axes.set_xlabel("bit/sample")
    set_grid_and_frame(axes)
    axes.grid(False, axis="y")
    first = point.stages[0]
    if first.bits is not None:
        axes.plot([first.bits] * 2, [-0.3, 0.3], color=bound_style(ORACLE).colour, linewidth=2)
    for step in point.joined_steps:
        start, end = rate[step.start], rate[step.end]
        _draw_step(axes, step, start, end, (place[step.start], place[step.end]))


def _stage_label(title: str, bits: float | None) -> str:
    return f"{title}\n{'not defined' if bits is None else f'{bits:.4g}'}"


def _limits(rates: list[float]) -> tuple[float, float]:
    """Return the ends of the axis, which leave out the last rate if it is far from the others."""
    last, others = rates[-1], rates[:-1] or rates
    span = max(max(others) - min(others), 0.05 * max(others), 1e-3)
    is_far = last > max(others) + FARTHEST * span
    left, right = min(rates), max(others) + 0.5 * span if is_far else max(rates)
    width = max(right - left, span)
    return left - 0.12 * width, right + 0.22 * width


def _draw_step(axes: Axes, step: WaterfallStep, start: float, end: float, rows: tuple[int, int]) -> None:
    row, (left, right) = rows[1], axes.get_xlim()
    is_cut = max(start, end) > right
    colour = MORE if end >= start else LESS
    stop = min(end, right)
    axes.barh(row, stop - start, left=start, height=0.55, color=colour, linewidth=0, zorder=2)
    axes.plot([start, start], [rows[0], row + 0.27], color=MUTED, linewidth=0.7, zorder=1.5)
    if not is_cut:
        axes.plot([end, end], [row - 0.27, row + 0.27], color=TEXT, linewidth=1.2, zorder=3)
    name = step.title.replace(" + ", " +\n")
    bits = f"{end - start:+.3g}".replace("-", "−")
    text = f"{name} {bits}{' →' if is_cut else ''}"
    low, high = min(start, end), max(start, end)
    if is_cut:
        axes.text(right, row - 0.32, text, ha="right", va="bottom", fontsize=7, color=TEXT)
    elif right - high > low - left:
        axes.text(high, row, f"  {text}", ha="left", va="center", fontsize=7, color=TEXT)
    else:
        axes.text(low, row, f"{text}  ", ha="right", va="center", fontsize=7, color=TEXT)


def _draw_curves(
    axes: Axes, point: Waterfall, curves: Mapping[str, RateDistortionCurve], rate_bits: float
) -> None:
    accuracies = [point.accuracy]
    for name, curve in curves.items():
        rate, distortion = curve.line
        accuracy = 1.0 - distortion
        accuracies += [float(accuracy.min()), float(accuracy.max())]
        style = bound_style(name)
        zorder = line_zorder(name) + (
            1.0 if name == PROBE else 0.0
        )  # dashes on top of a line that it may equal
        axes.plot(rate, accuracy, **line_looks(style), zorder=zorder, label=style.label, gid=name)
    low, high = min(accuracies), max(accuracies)
    oracle = curves[ORACLE]
    shade_unattainable(axes, oracle.rate_bits, 1.0 - oracle.distortion)
    axes.plot(
        rate_bits, point.accuracy, "*", color=POINT, markersize=9, zorder=6, label="the trial, in blocks"
    )
    right = 1.05 * max(rate_bits, *(float(curve.rate_bits.max()) for curve in curves.values()), 1e-3)
    axes.set_xlim(0.0, right)
    axes.set_ylim(low - 0.02 * (high - low), high + 0.03 * (high - low))
    axes.set_xlabel("rate (bit/sample)")
    axes.set_ylabel("accuracy")
    set_grid_and_frame(axes)
    axes.legend(loc="lower right", frameon=False, fontsize=7, handlelength=2.6)
