"""How matplotlib draws the described legend."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, assert_never

from ratefront.report.colours import LIGHT, SeriesStyle, Theme
from ratefront.report.curve_artists import bound_looks
from ratefront.report.front.front_figure import Bound, Legend, LegendEntry, Level, MarkerMeaning, Stairs
from ratefront.report.front.panel_artists import bar_looks, level_looks, stairs_looks

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D


def escape_mathtext(text: str) -> str:
    """Return text that matplotlib does not take for a formula."""
    return text.replace("$", r"\$")


def draw_legend(axes: Axes, legend: Legend) -> None:
    """Draw the legend into axes of its own."""
    axes.set_axis_off()
    looks: dict[str, Any] = {"frameon": False, "alignment": "left", "borderaxespad": 0.0, "borderpad": 0.0}
    looks |= {"fontsize": 8.5, "loc": "upper left", "handlelength": 2.6, "labelspacing": 0.4}
    if legend.bounds:
        handles, titles = _handles(legend.bounds), [entry.text for entry in legend.bounds]
        axes.add_artist(axes.legend(handles, titles, bbox_to_anchor=(0.0, 1.0), title="Bounds", **looks))
    if legend.codecs:
        looks |= {"bbox_to_anchor": (0.0, 0.43 if legend.bounds else 1.0), "ncols": 2, "columnspacing": 1.6}
        handles, titles = _handles(legend.codecs), [escape_mathtext(entry.text) for entry in legend.codecs]
        axes.legend(handles, titles, title="Measured codecs", **looks)
    axes.text(0.0, -0.1, legend.note, fontsize=8, color=LIGHT.muted)


def _handles(entries: tuple[LegendEntry, ...]) -> list[Line2D]:
    return [legend_handle(entry) for entry in entries]


def legend_handle(entry: LegendEntry, theme: Theme = LIGHT) -> Line2D:
    """Return the sample of line or marker that stands beside the entry's text."""
    from matplotlib.lines import Line2D

    key = entry.key
    match key:
        case Bound():
            drawn = bound_looks(theme.adapt(key.style), key.points)
        case Level():
            drawn = {**level_looks(key, theme), "linewidth": 0.8}
        case Stairs():
            drawn = stairs_looks(key)
        case SeriesStyle():
            drawn = {"color": key.colour, "marker": key.marker, "linewidth": 1.1, "markersize": 6}
        case "seeds" | "samples":
            drawn = bar_looks(key, theme=theme)
        case _:
            drawn = {"linestyle": "none", "markersize": 6, "color": theme.muted, **_meaning_looks(key, theme)}
    return Line2D([], [], **drawn)


def _meaning_looks(meaning: MarkerMeaning, theme: Theme) -> dict[str, Any]:
    match meaning:
        case "front":
            return {"marker": "o", "markeredgecolor": theme.surface}
        case "dominated":
            return {"marker": "o", "color": theme.muted + "30", "markeredgecolor": theme.muted + "90"}
        case "collapsed":
            return {"marker": "x", "markersize": 4.5}
        case "edge":
            return {"marker": "<"}
        case _:
            assert_never(meaning)
