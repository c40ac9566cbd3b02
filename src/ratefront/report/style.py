"""How series and bounds look, the same in every figure: colours that colour-blind readers can tell apart
(Okabe & Ito).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class SeriesStyle:
    """Marker names: matplotlib's and plotly's for the same shape."""

    colour: str
    marker: str
    symbol: str


@dataclass(frozen=True)
class BoundStyle:
    """``dash`` is plotly's; ``dashes`` matplotlib's, in line widths. Inks are for a light and for a dark
    page.
    """

    short: str
    title: str
    dash: str
    dashes: tuple[float, ...]
    ink: str
    ink_dark: str
    width: float


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
    "indirect_estimate_and_compress": BoundStyle(
        "iE&C", "indirect estimate and compress", "dash", (5, 2), "#333333", "#d9d9d9", 1.5
    ),
    "estimate_and_compress": BoundStyle(
        "E&C", "estimate and compress", "dot", (1.2, 1.4), "#333333", "#d9d9d9", 1.7
    ),
    "sample_and_communicate": BoundStyle(
        "S&C", "sample and communicate", "dashdot", (6, 2, 1.2, 2), "#7a6ea8", "#b9aee6", 1.6
    ),
    "time_sharing": BoundStyle("TS", "time sharing", "solid", (), "#a6a6a6", "#8c8c8c", 1.1),
}


def series_styles(series: Sequence[str]) -> dict[str, SeriesStyle]:
    """A style for each series, by its place; beyond the palette they repeat."""
    return {name: _SERIES[place % len(_SERIES)] for place, name in enumerate(series)}


def bound_style(name: str) -> BoundStyle:
    """The style of a bound; one that is not known by name is drawn thin and grey under its own name."""
    return BOUNDS.get(name, BoundStyle(name, name, "longdash", (8, 3), "#888888", "#999999", 1.0))
