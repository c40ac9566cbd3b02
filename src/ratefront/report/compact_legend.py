"""The described legend inside the axes of a figure, in few words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ratefront.report.front_figure import Legend
from ratefront.report.inks import Inks
from ratefront.report.legend import legend_handle, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw_compact_legend(axes: Axes, legend: Legend, inks: Inks) -> None:
    """Bounds in one column, codecs in the other, at the lower right, where accuracy at high rates leaves room."""
    entries = [*legend.bounds, *legend.codecs]
    if entries:
        handles = [legend_handle(entry, inks) for entry in entries]
        titles = [plain(entry.short) for entry in entries]
        axes.legend(handles, titles, loc="lower right", fontsize=7, ncols=2, frameon=True)
