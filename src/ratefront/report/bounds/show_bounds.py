"""How bounds show themselves: in axes, in a file, and in a notebook. The methods of ``Bounds`` call these."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from ratefront.bounds import Bounds, ExampleBounds
from ratefront.errors import InputError
from ratefront.report.bounds.bounds_content import BoundsContent, content_of
from ratefront.report.bounds.bounds_figure import draw_bounds
from ratefront.report.bounds.bounds_labels import label_reference_lines, legend_entries
from ratefront.report.bounds.bounds_panel import draw_accuracy_over_rate
from ratefront.report.bounds.paper_figures import draw_example
from ratefront.report.figure_file import figure_bytes
from ratefront.report.notebook_html import figure_html, table_html

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SMALL, DOTS_PER_INCH = (6.4, 3.4), 110
"""Size of a notebook's figure in inches, and its resolution."""


def plot(bounds: Bounds, ax: Axes | None = None) -> Axes:
    """Draw accuracy over rate with a legend, as the left panel of the figure.

    Args:
        bounds: What to draw.
        ax: Where to draw; None makes a new figure of pyplot.

    Raises:
        InputError: No curve has an accuracy.
    """
    content = content_of(bounds)
    if ax is None:
        from matplotlib import pyplot

        ax = pyplot.figure().add_subplot()
    _draw(content, ax)
    return ax


def _draw(content: BoundsContent, axes: Axes) -> None:
    draw_accuracy_over_rate(axes, content)
    label_reference_lines(axes, content)
    entries = legend_entries(content)
    axes.legend(
        [artist for artist, _ in entries],
        [title for _, title in entries],
        loc="lower right",
        frameon=False,
        fontsize=8,
        handlelength=3.2,
        labelspacing=0.35,
    )


def save_figure(bounds: Bounds, path: Path) -> None:
    """Write the figure for a paper; of an example, the figure that its paper shows.

    Raises:
        InputError: The suffix is neither .png nor .pdf, the file cannot be written, or no curve has an accuracy.
    """
    if isinstance(bounds, ExampleBounds):
        draw_example(bounds, path)
    else:
        draw_bounds(bounds, path)


def html(bounds: Bounds) -> str:
    """Return what a notebook shows: the source, warnings, the rates at a few accuracies, and a small figure."""
    sentences = [*bounds.description, *(f"Warning: {warning}" for warning in bounds.warnings)]
    paragraphs = [f"<p>{escape(sentence)}</p>" for sentence in sentences]
    table = table_html(bounds.rate_table.header, bounds.rate_table.rows)
    return "".join(["<div>", *paragraphs, table, _figure(bounds), "</div>"])


def _figure(bounds: Bounds) -> str:
    try:
        content = content_of(bounds)
    except InputError:
        return ""  # no curve has an accuracy
    png = figure_bytes(lambda: _small(content), dots_per_inch=DOTS_PER_INCH)
    return figure_html(png, "accuracy over rate in bit/sample")


def _small(content: BoundsContent) -> Figure:
    from matplotlib.figure import Figure

    figure = Figure(figsize=SMALL, layout="constrained")
    _draw(content, figure.add_subplot())
    return figure
