"""Draws the legend in its short form, beside or inside the axes of a user."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ratefront.report.colours import Theme
from ratefront.report.front.front_figure import FrontFigure, LegendEntry, Region
from ratefront.report.front.legend_artists import escape_mathtext, legend_handle
from ratefront.report.front.panel_artists import width_in_inches

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

LOOKS: Any = {"handlelength": 2.4, "labelspacing": 0.3, "alignment": "left"}
BESIDE: Any = {"loc": "upper left", "bbox_to_anchor": (1.01, 1.0), "borderaxespad": 0.0, "frameon": False}
FONT_SIZE, LEAST_FONT_SIZE = 7.0, 5.0
"""In points. Narrow axes get the smaller one."""

WIDE = 3.0
"""Axes of at least this width in inches have room for a legend in full size, beside them or inside."""

LEGEND_ZORDER = 3.5
"""Under the markers, so that the legend hides no measured trial."""


def draw_compact_legend(axes: Axes, front: FrontFigure, theme: Theme) -> None:
    """Draw the legend beside wide axes if the figure has a layout engine, which makes room for it.

    Otherwise the legend lies inside, where it covers least. There it does not say what filled, pale and crossed
    markers mean.
    """
    has_layout = axes.get_figure(root=True).get_layout_engine() is not None  # type: ignore[union-attr]
    is_beside = has_layout and width_in_inches(axes) >= WIDE
    handles = [*_bounds(front, theme), *_codecs(front, theme, all_meanings=is_beside)]
    if handles and is_beside:
        axes.legend(handles=handles, fontsize=FONT_SIZE, **LOOKS, **BESIDE)
    elif handles:
        share = max(LEAST_FONT_SIZE / FONT_SIZE, min(1.0, width_in_inches(axes) / WIDE))
        legend = axes.legend(
            handles=handles, fontsize=share * FONT_SIZE, markerscale=share, loc="best", **LOOKS
        )
        legend.set_zorder(LEGEND_ZORDER)


def _bounds(front: FrontFigure, theme: Theme) -> Iterator[Artist]:
    """Yield the bounds, and the shaded region, into which a small figure writes no text."""
    from matplotlib.patches import Patch

    for entry in front.legend.bounds:
        yield _labelled(entry, theme)
    for region in front.main.of_kind(Region):
        yield Patch(color=theme.unattainable, label=region.name)


def _codecs(front: FrontFigure, theme: Theme, all_meanings: bool) -> Iterator[Artist]:
    for entry in front.legend.codecs:
        if all_meanings or not isinstance(entry.key, str):
            yield _labelled(entry, theme)


def _labelled(entry: LegendEntry, theme: Theme) -> Artist:
    handle = legend_handle(entry, theme)
    handle.set_label(escape_mathtext(entry.short))
    return handle
