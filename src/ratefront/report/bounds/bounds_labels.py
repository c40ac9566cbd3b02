"""What is written beside the curves of bounds: the entries of a legend, and the names of the reference lines."""

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
"""Share of the axes' height that a reference line's name takes, two lines of it."""

LONGEST_NAME = 38
"""Letters that fit into one of the legend's two columns."""

Entries = list[tuple[Any, str]]
"""(what stands for it, its name)."""


def label_reference_lines(axes: Axes, content: BoundsContent) -> None:
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
    """The heights of the lines' names, moved to where they neither overlap nor leave the figure."""
    lowest, highest = NAME_HEIGHT / 2.0, 1.0 - NAME_HEIGHT / 2.0
    order = sorted(range(len(heights)), key=lambda place: -heights[place])
    moved = [0.0] * len(heights)
    for rank, place in enumerate(order):
        room_below = (len(order) - 1 - rank) * NAME_HEIGHT
        moved[place] = max(min(heights[place], highest), lowest + room_below)
        highest = moved[place] - NAME_HEIGHT
    return moved


def legend_entries(content: BoundsContent) -> Entries:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    found: Entries = []
    for name, curve in content.curves.items():
        style, points = bound_style(name), 1 if is_point(curve) else curve.rate_bits.size
        found.append((Line2D([], [], **bound_looks(style, points)), in_a_line(style.label)))
    if content.bands:
        band = Patch(facecolor=MUTED, alpha=0.3, linewidth=0)
        line = Line2D([], [], color=MUTED, linewidth=HELD_OUT_WIDTH)
        found.append(((band, line), content.band_title))
    return found


def in_a_line(name: str) -> str:
    """A name as one line of the legend, whatever the curve is called."""
    line = "".join(" " if letter.isspace() else letter for letter in name)
    shown = line if len(line) <= LONGEST_NAME else f"{line[: LONGEST_NAME - 1]}…"
    return escape_mathtext(
        f" {shown}" if shown.startswith("_") else shown
    )  # matplotlib leaves out what begins with _
