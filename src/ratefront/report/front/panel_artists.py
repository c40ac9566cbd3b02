"""How matplotlib draws a panel of the described figure, into any axes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, assert_never

import numpy as np

from ratefront.report.colours import LIGHT, OVERALL_FRONT, SeriesStyle, Theme
from ratefront.report.curve_artists import bound_looks, set_grid_and_frame
from ratefront.report.front.front_figure import (
    Axis,
    Bar,
    BarMeaning,
    Bound,
    Element,
    Level,
    Marker,
    Panel,
    Region,
    Stairs,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LEAST_TICK_INCHES = 0.35
"""The width that a written-out number needs on a horizontal axis."""


def draw_panel(axes: Axes, panel: Panel, theme: Theme = LIGHT) -> None:
    """Draw the elements, and set the scales, limits and ticks of the axes.

    The gid of an artist names what it draws.
    """
    for element in panel.elements:
        _draw_element(axes, element, panel, theme)
    _set_axis(axes, "x", panel.x_axis)
    _set_axis(axes, "y", panel.y_axis)
    set_grid_and_frame(axes, theme.grid)


def _draw_element(axes: Axes, element: Element, panel: Panel, theme: Theme) -> None:
    """Draw one element.

    Each kind has a zorder, since grid and frame of the axes lie between the kinds. Within a kind, later elements
    cover earlier ones.
    """
    match element:
        case Region():
            _draw_region(axes, element, theme)
        case Level():
            _draw_level(axes, element, panel.y_axis.unit, theme)
        case Bound():
            looks = bound_looks(theme.adapt(element.style), element.points)
            axes.plot(element.rate, element.height, **looks, zorder=2, gid=element.name)
        case Stairs():
            steps: Any = {"drawstyle": "steps-post", "solid_joinstyle": "miter", "gid": element.name}
            axes.plot(element.rate, element.height, **steps, **stairs_looks(element))
        case Bar():
            looks = bar_looks(element.meaning, element.style)
            axes.plot(element.rate, element.height, gid=element.name, **looks)
        case Marker():
            _draw_marker(axes, element, panel.y_axis.unit, theme)
        case _:
            assert_never(element)


def _draw_region(axes: Axes, region: Region, theme: Theme) -> None:
    edge = np.maximum(region.rate, region.left)
    looks: Any = {"color": theme.unattainable, "linewidth": 0, "zorder": 0.5, "gid": region.name}
    axes.fill_betweenx(region.height, region.left, edge, **looks)


def _draw_level(axes: Axes, level: Level, unit: float, theme: Theme) -> None:
    height = level.height / unit
    axes.axhline(height, **level_looks(level, theme), zorder=1.5, gid=level.name)
    if level.label:
        axes.annotate(
            level.label,
            (1.0, height),
            xycoords=axes.get_yaxis_transform(),
            xytext=(-4, 3),
            textcoords="offset points",
            ha="right",
            color=theme.muted,
            fontsize=8,
        )


def level_looks(level: Level, theme: Theme = LIGHT) -> dict[str, Any]:
    """Return matplotlib's arguments for the line of a level."""
    colour = theme.task_model if level.colour == "task-model" else theme.muted
    return {"color": colour, "linewidth": 0.7, "linestyle": (0, (1, 2)) if level.dotted else "solid"}


def stairs_looks(stairs: Stairs) -> dict[str, Any]:
    """Return matplotlib's arguments for a front: that of all series is a broad pale band under the others."""
    if stairs.style is None:
        return {"color": OVERALL_FRONT, "linewidth": 5.0, "alpha": 0.55, "zorder": 2.5}
    return {"color": stairs.style.colour, "linewidth": 1.1, "zorder": 3}


def bar_looks(meaning: BarMeaning, style: SeriesStyle | None = None, theme: Theme = LIGHT) -> dict[str, Any]:
    """Return matplotlib's arguments for a bar, in the colour of its series; for the legend that of no series."""
    colour = theme.muted if style is None else style.colour
    if meaning == "seeds":
        return {"color": colour, "linewidth": 1.0, "solid_capstyle": "butt", "zorder": 5}
    return {"color": colour, "linewidth": 2.6, "alpha": 0.22, "solid_capstyle": "butt", "zorder": 3.2}


def _draw_marker(axes: Axes, marker: Marker, unit: float, theme: Theme) -> None:
    looks = _marker_looks(marker, theme)
    if marker.at_edge:
        looks |= {"marker": "<", "markersize": 6.5}
    axes.plot(
        marker.rate,
        marker.height / unit,
        linestyle="none",
        clip_on=not marker.at_edge,
        gid=marker.name,
        **looks,
    )


def _marker_looks(marker: Marker, theme: Theme) -> dict[str, Any]:
    colour = marker.style.colour
    match marker.front_status:
        case "collapsed":
            return {"marker": "x", "color": colour, "markersize": 4.5, "markeredgewidth": 1.0, "zorder": 4}
        case "front":
            edge, size, fill, zorder = theme.surface, 6.5, colour, 6
        case "dominated":
            edge, size, fill, zorder = colour + "90", 5.5, colour + "30", 4
        case _:
            assert_never(marker.front_status)
    looks: dict[str, Any] = {"marker": marker.style.marker, "markersize": size, "markeredgewidth": 0.8}
    return {**looks, "color": fill, "markeredgecolor": edge, "zorder": zorder}


def _set_axis(axes: Axes, name: str, axis: Axis) -> None:
    if axis.logarithmic:
        axes.set(**{f"{name}scale": "log"})
    axes.set(**{f"{name}lim": tuple(limit / axis.unit for limit in axis.limits)})
    if axis.logarithmic:
        _plain_ticks(axes, name, axis)


def _plain_ticks(axes: Axes, name: str, axis: Axis) -> None:
    """Write ticks as 1, 2, 5, 10 … instead of powers of ten; on a narrow axis only 1, 10, 100 …."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    subs = (1.0,) if name == "x" and _is_narrow(axes, axis) else (1.0, 2.0, 5.0)
    drawn: Any = getattr(axes, f"{name}axis")
    drawn.set_major_locator(LogLocator(base=10, subs=subs, numticks=20))
    drawn.set_minor_locator(NullLocator())
    drawn.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def _is_narrow(axes: Axes, axis: Axis) -> bool:
    numbers = 3 * np.log10(axis.limits[1] / axis.limits[0])
    return bool(numbers * LEAST_TICK_INCHES > width_in_inches(axes))


def width_in_inches(axes: Axes) -> float:
    """Return the width of the axes as they are now. A layout engine may change it when the figure is drawn."""
    figure = axes.get_figure(root=True)
    return float(axes.get_window_extent().width / figure.dpi)  # type: ignore[union-attr]
