"""The text beside the curves of bounds: the entries of the legend, and the names of the reference lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ratefront.report.bounds.bounds_content import BoundsContent, is_point
from ratefront.report.bounds.bounds_panel import HELD_OUT_WIDTH
from ratefront.report.colours import MUTED, bound_style
from ratefront.report.curve_artists import bound_looks
from ratefront.report.front.legend_artists import escape_mathtext

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NAME_HEIGHT = 0.09
"""Share of the axes' height that the name of a reference line takes, in two lines."""

LONGEST_NAME = 38
"""Characters that fit into one of the legend's two columns."""

LegendEntries = list[tuple[Any, str]]
"""Pairs of the artist that stands for a curve, and the curve's name."""


def label_reference_lines(axes: Axes, content: BoundsContent) -> None:
    """Write the name and the accuracy of each reference line at the right of the axes."""
    bottom, top = axes.get_ylim()
    heights = [(reference.accuracy - bottom) / (top - bottom) for reference in content.reference_lines]
    for reference, height in zip(content.reference_lines, _apart(heights), strict=True):
        axes.annotate(
            f"{reference.title}\n{100 * reference.accuracy:.1f} %",
            (1.0, height),
            xycoords="axes fraction",
            xytext=(5, 0),
            textcoords="offset points",
            color=reference.colour,
            fontsize=7.5,
            va="center",
            linespacing=1.1,
            annotation_clip=False,
        )


def _apart(heights: list[float]) -> list[float]:
    """Return the heights of the names, moved so that they neither overlap nor leave the figure."""
    lowest, highest = NAME_HEIGHT / 2.0, 1.0 - NAME_HEIGHT / 2.0
    order = sorted(range(len(heights)), key=lambda place: -heights[place])
    moved = [0.0] * len(heights)
    for rank, place in enumerate(order):
        room_below = (len(order) - 1 - rank) * NAME_HEIGHT
        moved[place] = max(min(heights[place], highest), lowest + room_below)
        highest = moved[place] - NAME_HEIGHT
    return moved


def legend_entries(content: BoundsContent) -> LegendEntries:
    """Return the entries of the legend: a line for each curve, and one for the held-out bands."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    lines_and_names: LegendEntries = []
    for name, curve in content.curves.items():
        style, points = bound_style(name), 1 if is_point(curve) else curve.rate_bits.size
        lines_and_names.append((Line2D([], [], **bound_looks(style, points)), one_line(style.label)))
    if content.bands:
        band = Patch(facecolor=MUTED, alpha=0.3, linewidth=0)
        line = Line2D([], [], color=MUTED, linewidth=HELD_OUT_WIDTH)
        lines_and_names.append(((band, line), content.band_title))
    return lines_and_names


def one_line(name: str) -> str:
    """Return a curve's name as one line of the legend: without line breaks, shortened, and without formulas."""
    line = "".join(" " if letter.isspace() else letter for letter in name)
    shown = line if len(line) <= LONGEST_NAME else f"{line[: LONGEST_NAME - 1]}…"
    return escape_mathtext(
        f" {shown}" if shown.startswith("_") else shown
    )  # matplotlib leaves out names that begin with _
