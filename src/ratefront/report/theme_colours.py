"""The inks of a matplotlib figure, on light and on dark ground."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ratefront.report.curve_artists import UNATTAINABLE
from ratefront.report.style import GRID, MUTED, TASK_MODEL, BoundStyle

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DARK_BELOW = 0.4
"""Of the ground's luminance, 0 for black and 1 for white."""


@dataclass(frozen=True)
class Inks:
    """What is not a series' own colour; ``surface`` parts a marker from what it covers."""

    muted: str
    task_model: str
    surface: str
    unattainable: str
    grid: str
    is_dark: bool = False

    def of_bound(self, style: BoundStyle) -> BoundStyle:
        """The style with the ink that can be seen on this ground."""
        return replace(style, ink=style.ink_dark) if self.is_dark else style


LIGHT = Inks(MUTED, TASK_MODEL, "white", UNATTAINABLE, GRID)
DARK = Inks("#a3a3ad", "#ff7b7b", "#16171a", "#25272c", "#383a40", is_dark=True)


def inks_of(axes: Axes) -> Inks:
    """The inks for the ground that the axes have, or their figure where they are transparent."""
    from matplotlib.colors import to_rgba

    figure = axes.get_figure(root=True)
    for ground in (axes.get_facecolor(), None if figure is None else figure.get_facecolor()):
        red, green, blue, alpha = to_rgba(ground or "none")
        if alpha > 0.0:
            luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
            return DARK if luminance < DARK_BELOW else LIGHT
    return LIGHT
