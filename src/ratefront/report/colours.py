"""Colours, markers and line styles of series and bounds, the same in every figure.

Colour-blind readers can tell the series apart (palette of Okabe & Ito). The colours of the HTML page itself stand in
``page/page.css``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class SeriesStyle:
    """How the trials of one series look.

    Attributes:
        colour: As ``#rrggbb``.
        marker: Matplotlib's name of the marker.
        symbol: Plotly's name of the same shape.
    """

    colour: str
    marker: str
    symbol: str


@dataclass(frozen=True)
class BoundStyle:
    """How one bound looks.

    Attributes:
        short: Abbreviation, as ``oRD``.
        title: Full name.
        dash: Plotly's name of the line style.
        dashes: Matplotlib's dash pattern, in line widths; empty for a solid line.
        colour: As ``#rrggbb``, on a light background.
        dark_colour: On a dark background.
        width: Line width in points.
        marker: Matplotlib's marker of a code, whose points are no curve; empty where a line is drawn.
    """

    short: str
    title: str
    dash: str
    dashes: tuple[float, ...]
    colour: str
    dark_colour: str
    width: float
    marker: str = ""

    @property
    def symbol(self) -> str:
        """Plotly's name of the hollow marker. A curve that is a single point gets a filled circle."""
        hollow = {"s": "square-open", "D": "diamond-open", "v": "triangle-down-open"}
        return hollow.get(self.marker, "circle-open") if self.marker else "circle"

    @property
    def label(self) -> str:
        """Abbreviation and name; only one of them where both are the same."""
        return self.title if self.short == self.title else f"{self.short}  {self.title}"

    @property
    def line(self) -> Any:
        """The line style as matplotlib takes it."""
        return (0, self.dashes) if self.dashes else "solid"


GRID, MUTED, TASK_MODEL, OVERALL_FRONT = "#e6e6e6", "#6b6b6b", "#b30000", "#f2c94c"
UNATTAINABLE, TEXT = "#f1f1f1", "#222222"

CLASS_COLOURS, MIXTURE_COLOUR = ("#0072B2", "#D55E00"), "#333333"
"""The two classes and their mixture, in the papers' figures."""

_SERIES = (
    SeriesStyle("#0072B2", "o", "circle"),
    SeriesStyle("#D55E00", "s", "square"),
    SeriesStyle("#009E73", "^", "triangle-up"),
    SeriesStyle("#CC79A7", "D", "diamond"),
    SeriesStyle("#E69F00", "v", "triangle-down"),
    SeriesStyle("#56B4E9", "P", "cross"),
)

BOUNDS = {
    "oracle": BoundStyle("oRD", "oracle", "solid", (), "#111111", "#f2f2f2", 2.0),
    "indirect": BoundStyle("iRD", "indirect", "solid", (), "#1f5fa8", "#86b6ee", 1.9),
    "task_model": BoundStyle("TMRD", "task model", "solid", (), "#b8126e", "#ff7cc2", 1.9),
    "task_model_calibrated": BoundStyle(
        "TMRD cal.", "task model, calibrated", "dash", (4, 1.6), "#b8126e", "#ff7cc2", 1.3
    ),
    "indirect_estimate_and_compress": BoundStyle(
        "iE&C", "indirect estimate and compress", "dash", (5, 2), "#333333", "#d9d9d9", 1.5
    ),
    "indirect_estimate_and_compress_posterior": BoundStyle(
        "iE&C post.", "indirect, from posteriors", "longdash", (8, 2), "#20767a", "#79c9cd", 1.4
    ),
    "indirect_estimate_and_compress_cross_fitted": BoundStyle(
        "iE&C c.-f.",
        "indirect, cross-fitted",
        "8px,3px,2px,3px,2px,3px",
        (5, 1.5, 1, 1.5, 1, 1.5),
        "#8a5a14",
        "#d9a75c",
        1.4,
    ),
    "estimate_and_compress": BoundStyle(
        "E&C", "estimate and compress", "dot", (1.2, 1.4), "#333333", "#d9d9d9", 1.7
    ),
    "compress_and_estimate": BoundStyle(
        "C&E", "compress and estimate", "longdashdot", (8, 2, 1.2, 2), "#b0560a", "#f0a35e", 1.6
    ),
    "sample_and_communicate": BoundStyle(
        "S&C", "sample and communicate", "dashdot", (6, 2, 1.2, 2), "#7a6ea8", "#b9aee6", 1.6
    ),
    "time_sharing": BoundStyle("TS", "time sharing", "solid", (), "#a6a6a6", "#8c8c8c", 1.1),
    "linear_rule": BoundStyle("linear rule", "linear rule", "dash", (4, 3), "#8c8c8c", "#a6a6a6", 0.9),
    "rate_invariance": BoundStyle(
        "rate invariance", "rate invariance", "dash", (6, 3), "#555555", "#bdbdbd", 1.3
    ),
    "probe": BoundStyle("probe", "TMRD, no bound", "dash", (3, 1.4), "#0a7d4f", "#5fd3a2", 1.6),
    "fixed_length": BoundStyle("fixed length", "fixed length", "dot", (1, 2), "#444444", "#cccccc", 1.0, "s"),
    "huffman": BoundStyle("Huffman", "Huffman", "dot", (1, 2), "#444444", "#cccccc", 1.0, "D"),
    "block_codes": BoundStyle("block codes", "block codes", "dot", (1, 2), "#444444", "#cccccc", 1.0, "o"),
    "merged_classes": BoundStyle(
        "merged classes", "merged classes", "dot", (1, 2), "#777777", "#a6a6a6", 1.0, "v"
    ),
}


def series_styles(series: Sequence[str]) -> dict[str, SeriesStyle]:
    """Return a style for each series, by its position; of up to 36 no two share both colour and marker."""
    return {name: _style(place) for place, name in enumerate(series)}


def _style(place: int) -> SeriesStyle:
    """Return the style of a series: the palette, and where it is used up the same colours with the next marker."""
    own, cycle = place % len(_SERIES), place // len(_SERIES)
    shape = _SERIES[(own + cycle) % len(_SERIES)]
    return SeriesStyle(_SERIES[own].colour, shape.marker, shape.symbol)


def bound_style(name: str) -> BoundStyle:
    """Return the style of a bound. An unknown name gets a thin grey line under its own name."""
    return BOUNDS.get(name, BoundStyle(name, name, "longdash", (8, 3), "#888888", "#999999", 1.0))


DARK_BELOW = 0.4
"""A background with a luminance below this is dark; 0 is black, 1 is white."""


@dataclass(frozen=True)
class Theme:
    """Colours of a matplotlib figure that depend on its background.

    ``surface`` is the outline that separates a marker from what it covers.
    """

    muted: str
    task_model: str
    surface: str
    unattainable: str
    grid: str
    is_dark: bool = False

    def adapt(self, style: BoundStyle) -> BoundStyle:
        """Return the style with the colour that is visible on this background."""
        return replace(style, colour=style.dark_colour) if self.is_dark else style


LIGHT = Theme(MUTED, TASK_MODEL, "white", UNATTAINABLE, GRID)
DARK = Theme("#a3a3ad", "#ff7b7b", "#16171a", "#25272c", "#383a40", is_dark=True)


def theme_of(axes: Axes) -> Theme:
    """Return the theme for the background of the axes, or of their figure where the axes are transparent."""
    from matplotlib.colors import to_rgba

    figure = axes.get_figure(root=True)
    for background in (axes.get_facecolor(), None if figure is None else figure.get_facecolor()):
        red, green, blue, alpha = to_rgba(background or "none")
        if alpha > 0.0:
            luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
            return DARK if luminance < DARK_BELOW else LIGHT
    return LIGHT
