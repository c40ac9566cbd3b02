"""Draws the main panel of a sweep's figure into axes of the user, and as a small picture for a notebook."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from ratefront.report.colours import theme_of
from ratefront.report.front.compact_legend import draw_compact_legend
from ratefront.report.front.describe_front import describe_front
from ratefront.report.front.front_figure import FrontFigure
from ratefront.report.front.front_png import SETTINGS, png_bytes, settings_alone
from ratefront.report.front.legend_artists import escape_mathtext
from ratefront.report.front.panel_artists import draw_panel
from ratefront.report.sweep_view import SweepView

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INCHES = (6.4, 4.4)
SMALL_WIDTH = 520
"""Width on a page in pixels; the picture has twice as many, for high-resolution screens."""

_SMALL_INCHES, _SMALL_DENSITY, _COLOURS = (5.2, 3.4), 200, 128


def plot_front(view: SweepView, axes: Axes | None = None) -> Axes:
    """Draw accuracy over rate: the measured codecs, their fronts and the bounds, with a legend.

    Fonts and frame are those of the axes' own style. On a dark background the colours are light ones.

    Args:
        view: The sweep.
        axes: Where to draw. None makes a new figure of pyplot, which a notebook shows.

    Returns:
        The axes: rates in bit/sample (logarithmic), accuracy in [0, 1], both on test.
    """
    if axes is None:
        import matplotlib.pyplot as plt

        axes = plt.subplots(figsize=INCHES, layout="constrained")[1]
    _draw(axes, describe_front(view))
    return axes


def _draw(axes: Axes, front: FrontFigure) -> None:
    theme = theme_of(axes)
    draw_panel(axes, front.main, theme)
    axes.set_title(escape_mathtext(front.name))
    axes.set_xlabel(front.main.x_axis.title)
    axes.set_ylabel(front.main.y_axis.title)
    draw_compact_legend(axes, front, theme)


def small_front_png(view: SweepView) -> bytes:
    """Return the same as the bytes of a PNG file, about 30 kB, to be shown ``SMALL_WIDTH`` pixels wide."""
    from matplotlib.figure import Figure

    with settings_alone(SETTINGS):
        figure = Figure(figsize=_SMALL_INCHES, layout="constrained")
        _draw(figure.add_subplot(), describe_front(view))
        return _with_palette(png_bytes(figure, _SMALL_DENSITY))


def _with_palette(png: bytes) -> bytes:
    """Reduce the colours, which leaves a third of the bytes: a notebook stores every picture that it shows."""
    from PIL import Image

    stream = io.BytesIO()
    with Image.open(io.BytesIO(png)) as image:
        image.convert("RGB").quantize(_COLOURS, dither=Image.Dither.NONE).save(stream, "PNG", optimize=True)
    return stream.getvalue()
