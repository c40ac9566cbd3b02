"""One curve as matplotlib draws it, in the style that every figure of ours gives it, and its legend entry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ratefront.bounds.source.distributions import FloatArray
from ratefront.report.colours import BOUNDS, GRID, UNATTAINABLE, BoundStyle

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FEW_POINTS = 30
LEAST_LINE_ZORDER, LEAST_POINT_ZORDER = 2.0, 4.0


def line_looks(style: BoundStyle) -> dict[str, Any]:
    """How a curve's line is drawn."""
    return {"color": style.colour, "linewidth": style.width, "linestyle": style.line}


def point_looks(style: BoundStyle, points: int = 1) -> dict[str, Any]:
    """How the points of a code, or of a curve that is one point, are drawn: hollow, so that none hides another."""
    return {
        "linestyle": "none",
        "marker": style.marker or "o",
        "markersize": 5.0 if points <= FEW_POINTS else 2.5,
        "markerfacecolor": "none" if style.marker else style.colour,
        "markeredgecolor": style.colour,
        "markeredgewidth": 1.0,
    }


def bound_looks(style: BoundStyle, points: int) -> dict[str, Any]:
    """How a curve of so many points is drawn, in the axes and in the legend: as a line or as points."""
    return point_looks(style, points) if style.marker or points == 1 else line_looks(style)


def line_zorder(name: str) -> float:
    """The oracle on top, then in the order of the legend."""
    return LEAST_LINE_ZORDER + _precedence(name)


def point_zorder(name: str) -> float:
    """As lines among themselves, above all of them."""
    return LEAST_POINT_ZORDER + _precedence(name)


def _precedence(name: str) -> float:
    rank = list(BOUNDS).index(name) if name in BOUNDS else len(BOUNDS)
    return 1.0 - rank / len(BOUNDS)


def shade_unattainable(axes: Axes, rate: FloatArray, accuracy: FloatArray) -> None:
    """The region above the oracle, where no codec can be."""
    axes.fill_betweenx(accuracy, 0.0, rate, color=UNATTAINABLE, linewidth=0, zorder=0.5)


def set_grid_and_frame(axes: Axes, grid: str = GRID) -> None:
    """The grid behind the data, and no frame where nothing is read off."""
    axes.grid(True, color=grid, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
