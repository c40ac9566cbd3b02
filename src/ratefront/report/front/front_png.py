"""Draws ``front.png``: the sweep's measured codecs against the bounds, as a figure for a paper.

Left: accuracy over rate, and under it the transmitter's size over the same rates. Right: a close-up of the region just
under the task model's accuracy, and the legend. A zero rate has no place on a logarithmic axis; it is drawn at the left
edge as ◁. Matplotlib's global state is not used (Agg, never pyplot).
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ratefront.report.colours import MUTED, TEXT
from ratefront.report.front.front_figure import FrontFigure, Panel, Region
from ratefront.report.front.legend_artists import draw_legend, escape_mathtext
from ratefront.report.front.panel_artists import draw_panel

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DOTS_PER_INCH = 200
MARGINS = {"top": 0.905, "bottom": 0.07}
SETTINGS: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 9.0,
    "axes.edgecolor": MUTED,
    "axes.linewidth": 0.7,
    "axes.labelcolor": TEXT,
    "axes.titlesize": 9.5,
    "axes.titlelocation": "left",
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "text.color": TEXT,
    "svg.hashsalt": "ratefront",
}


def front_png(front: FrontFigure) -> bytes:
    """Return the figure as the bytes of a PNG file."""
    with settings_alone(SETTINGS):
        return png_bytes(draw(front), DOTS_PER_INCH)


@contextmanager
def settings_alone(settings: Any) -> Iterator[None]:
    """Let these settings and Matplotlib's own defaults apply, and no ``matplotlibrc``.

    Matplotlib reads one in the current folder. It may be a stranger's, and let LaTeX run what it says.
    """
    import matplotlib as mpl

    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(settings)
        yield


def png_bytes(figure: Figure, dots_per_inch: float) -> bytes:
    """Return a figure as PNG, without date and program name: the same figure gives the same bytes."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    FigureCanvasAgg(figure)
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=dots_per_inch, facecolor="white", metadata={"Software": ""})
    figure.clear()  # its artists refer to each other in circles: those of a large sweep would stay for long
    return stream.getvalue()


def draw(front: FrontFigure) -> Figure:
    """Return the figure of a sweep. Without a close-up its panel is left out."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11.0, 7.4))
    left = figure.add_gridspec(
        2, 1, left=0.06, right=0.575, height_ratios=(1.75, 1.0), **MARGINS, hspace=0.16
    )
    right = figure.add_gridspec(
        2, 1, left=0.655, right=0.985, height_ratios=(1.2, 1.0), **MARGINS, hspace=0.26
    )
    main = figure.add_subplot(left[0])
    _draw_titled(main, front.main)
    _draw_titled(figure.add_subplot(left[1], sharex=main), front.size)
    main.set_xlabel("")
    main.tick_params(labelbottom=False)
    if front.close is not None:
        _draw_titled(figure.add_subplot(right[0]), front.close)
    draw_legend(figure.add_subplot(right[1] if front.close is not None else right[0]), front.legend)
    figure.text(0.06, 0.965, escape_mathtext(front.title), fontsize=12, fontweight="bold", va="center")
    return figure


def _draw_titled(axes: Axes, panel: Panel) -> None:
    draw_panel(axes, panel)
    for region in panel.of_kind(Region):
        axes.text(0.03, 0.93, region.text, transform=axes.transAxes, color=MUTED, va="top")
    axes.set_title(panel.title)
    axes.set_xlabel(panel.x_axis.title)
    axes.set_ylabel(panel.y_axis.title)
