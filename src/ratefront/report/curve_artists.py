"""How matplotlib draws a curve and its legend entry, the same in every figure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ratefront.bounds.source.distributions import FloatArray
from ratefront.report.colours import BOUNDS, GRID, UNATTAINABLE, BoundStyle

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FEW_POINTS = 30
LEAST_LINE_ZORDER, LEAST_POINT_ZORDER = 2.0, 4.0


def line_looks(style: BoundStyle) -> dict[str, Any]:
    """Return matplotlib's arguments for the line of a curve."""
    return {"color": style.colour, "linewidth": style.width, "linestyle": style.line}


def point_looks(style: BoundStyle, points: int = 1) -> dict[str, Any]:
    """Return matplotlib's arguments for the points of a code, or of a curve that is a single point.

    The points of a code are hollow, so that none hides another.
    """
    return {
        "linestyle": "none",
        "marker": style.marker or "o",
        "markersize": 5.0 if points <= FEW_POINTS else 2.5,
        "markerfacecolor": "none" if style.marker else style.colour,
        "markeredgecolor": style.colour,
        "markeredgewidth": 1.0,
    }


def bound_looks(style: BoundStyle, points: int) -> dict[str, Any]:
    """Return matplotlib's arguments for a curve, in the axes and in the legend: as a line or as points.

    ``points`` is the number of points that the curve has.
    """
    return point_looks(style, points) if style.marker or points == 1 else line_looks(style)


def line_zorder(name: str) -> float:
    """Return the zorder of a line: the oracle on top, then the order of the legend."""
    return LEAST_LINE_ZORDER + _precedence(name)


def point_zorder(name: str) -> float:
    """Return the zorder of points: above all lines, and in the same order among themselves."""
    return LEAST_POINT_ZORDER + _precedence(name)


def _precedence(name: str) -> float:
    rank = list(BOUNDS).index(name) if name in BOUNDS else len(BOUNDS)
    return 1.0 - rank / len(BOUNDS)


def shade_unattainable(axes: Axes, rate: FloatArray, accuracy: FloatArray) -> None:
    """Shade the region above the oracle, where no codec can be."""
    axes.fill_betweenx(accuracy, 0.0, rate, color=UNATTAINABLE, linewidth=0, zorder=0.5)


def set_grid_and_frame(axes: Axes, grid: str = GRID) -> None:
    """Draw a grid behind the data, and remove the frame at the top and at the right."""
    axes.grid(True, color=grid, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
