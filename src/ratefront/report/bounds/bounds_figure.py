"""Bounds as a figure for a paper.

Left: accuracy over rate. Right, where there is an oracle to compare with: the same accuracies over the bits
that each curve needs beyond the oracle, since near the oracle the curves can hardly be told apart. The legend
and the names of the reference lines stand outside the axes, where they hide nothing.
"""

from __future__ import annotations

from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING

from ratefront.bounds import Bounds
from ratefront.report.bounds.bounds_content import BoundsContent, content_of
from ratefront.report.bounds.bounds_labels import (
    LegendEntries,
    label_reference_lines,
    legend_entries,
    one_line,
)
from ratefront.report.bounds.bounds_panel import draw_accuracy_over_rate, draw_bits_above_oracle
from ratefront.report.colours import MUTED
from ratefront.report.figure_file import PAGE_WIDTH, write_figure
from ratefront.report.front.legend_artists import escape_mathtext

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

AXES_HEIGHT, ABOVE, BELOW, LEGEND_ROW = 3.4, 0.12, 0.68, 0.185
"""Inches. ``BELOW`` holds ticks and label of the rate axis."""

NOTE_ROW, NOTE_BOTTOM, NOTE_CHARACTERS = 0.15, 0.07, 105
"""Height and lower end of a line of small print in inches, and how many characters it holds."""

LEFT, RIGHT, BETWEEN = 0.58, 0.88, 0.17
"""Inches beside the axes: for accuracies, for the names of the reference lines, and between the panels."""

CLOSE_UP_WIDTH = 1.75


def draw_bounds(bounds: Bounds, path: Path) -> None:
    """Write the figure of bounds to ``path``, as PNG or PDF according to its suffix.

    The same bounds give the same bytes.

    Raises:
        InputError: No curve has an accuracy, the suffix is another one, or the file cannot be written.
    """
    write_figure(lambda: bounds_figure(bounds), path)


def bounds_figure(bounds: Bounds) -> Figure:
    """Return the figure of bounds: accuracy 1 - D over rate in bit/sample.

    A curve with an unknown name is drawn under that name. A curve whose distortion is not a probability of error has
    no accuracy; it is named under the figure instead.

    Raises:
        InputError: No curve has an accuracy.
    """
    from matplotlib.figure import Figure

    content = content_of(bounds)
    entries, notes = legend_entries(content), _notes(content)
    legend_height = LEGEND_ROW * ((len(entries) + 1) // 2) + NOTE_ROW * len(notes)
    figure = Figure(figsize=(PAGE_WIDTH, ABOVE + AXES_HEIGHT + BELOW + legend_height))
    label_reference_lines(_draw_panels(figure, content, BELOW + legend_height), content)
    _draw_legend(figure, entries, legend_height)
    for row, line in enumerate(reversed(notes)):
        height = (NOTE_BOTTOM + NOTE_ROW * row) / figure.get_figheight()
        figure.text(LEFT / PAGE_WIDTH, height, line, color=MUTED, fontsize=7.5)
    return figure


def _notes(content: BoundsContent) -> list[str]:
    """Return lines of small print under the legend: what is not drawn, and the warnings."""
    sentences = [f"Warning: {warning}" for warning in content.warnings]
    if content.left_out:
        sentences.insert(
            0, f"Not drawn, for want of an accuracy: {', '.join(map(one_line, content.left_out))}."
        )
    return [line for sentence in sentences for line in wrap(escape_mathtext(sentence), NOTE_CHARACTERS)]


def _draw_panels(figure: Figure, content: BoundsContent, bottom: float) -> Axes:
    """Draw the panels ``bottom`` inches above the figure's lower edge, and return the rightmost one."""
    height = figure.get_figheight()
    oracle = content.oracle if len(content.curves) > 1 else None
    right = 0.0 if oracle is None else CLOSE_UP_WIDTH
    width = PAGE_WIDTH - LEFT - RIGHT - (0.0 if oracle is None else right + BETWEEN)
    box = [LEFT / PAGE_WIDTH, bottom / height, width / PAGE_WIDTH, AXES_HEIGHT / height]
    main = figure.add_axes((box[0], box[1], box[2], box[3]))
    draw_accuracy_over_rate(main, content)
    if oracle is None:
        return main
    start = (LEFT + width + BETWEEN) / PAGE_WIDTH
    close = figure.add_axes((start, box[1], right / PAGE_WIDTH, box[3]), sharey=main)
    draw_bits_above_oracle(close, content, oracle)
    return close


def _draw_legend(figure: Figure, entries: LegendEntries, height: float) -> None:
    figure.legend(
        [artist for artist, _ in entries],
        [title for _, title in entries],
        loc="upper left",
        bbox_to_anchor=(LEFT / PAGE_WIDTH, height / figure.get_figheight()),
        ncols=2,
        frameon=False,
        fontsize=8,
        handlelength=3.2,
        columnspacing=3.0,
        labelspacing=0.35,
        borderaxespad=0.0,
        borderpad=0.0,
    )
