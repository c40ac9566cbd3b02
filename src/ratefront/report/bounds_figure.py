"""The curves of a bounds document as a figure for a paper.

Left: accuracy over rate. Right, where there is an oracle to compare with: the same accuracies over the bits
that each curve needs beyond the oracle, since near the oracle the curves can hardly be told apart. The legend
and the names of the reference lines stand outside the axes, where they can hide nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from ratefront.report.bounds_content import BoundsContent, is_point, read_content
from ratefront.report.bounds_panel import HELD_OUT_WIDTH, draw_accuracy_over_rate, draw_bits_above_oracle
from ratefront.report.curve_artists import looks
from ratefront.report.figure_file import PAGE_WIDTH, write_figure
from ratefront.report.legend import plain
from ratefront.report.style import MUTED, bound_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

AXES_HEIGHT, ABOVE, BELOW, LEGEND_ROW = 3.4, 0.12, 0.68, 0.185
"""Inches; BELOW holds the rate axis' ticks and its label."""

NOTE_ROW, NOTE_BOTTOM, NOTE_LETTERS = 0.15, 0.07, 105
"""Height and lower end of small print in inches, and how many of its letters fit beside each other."""

LEFT, RIGHT, BETWEEN = 0.58, 0.88, 0.17
"""Inches beside the axes: for accuracies, and for the names of the reference lines."""

CLOSE_UP_WIDTH = 1.75

NAME_HEIGHT = 0.09
"""Share of the axes' height that a reference line's name takes, two lines of it."""

LONGEST_NAME = 38
"""Letters that fit into one of the legend's two columns."""

Entries = list[tuple[Any, str]]
"""(what stands for it, its name)."""


def draw_bounds(document: Mapping[str, Any], path: Path) -> None:
    """Writes the figure of a bounds document to `path`, PNG or PDF by its suffix.

    The same document gives the same bytes.

    Raises:
        InputError: as `bounds_figure`; another suffix, or a file that cannot be written (fatal).
    """
    write_figure(lambda: bounds_figure(document), path)


def bounds_figure(document: Mapping[str, Any]) -> Figure:
    """The figure of a bounds document: accuracy 1 - D over bit/sample.

    A curve that is not known by name is drawn under its own name. A curve whose distortion is no
    probability of error has no accuracy; it is named under the figure instead.

    Raises:
        InputError: no curve to draw, or a document that is not well formed (fatal).
    """
    from matplotlib.figure import Figure

    content = read_content(document)
    entries, notes = _legend_entries(content), _notes(content)
    legend_height = LEGEND_ROW * ((len(entries) + 1) // 2) + NOTE_ROW * len(notes)
    figure = Figure(figsize=(PAGE_WIDTH, ABOVE + AXES_HEIGHT + BELOW + legend_height))
    _name_references(_draw_panels(figure, content, BELOW + legend_height), content)
    _draw_legend(figure, entries, legend_height)
    for row, words in enumerate(reversed(notes)):
        height = (NOTE_BOTTOM + NOTE_ROW * row) / figure.get_figheight()
        figure.text(LEFT / PAGE_WIDTH, height, words, color=MUTED, fontsize=7.5)
    return figure


def _notes(content: BoundsContent) -> list[str]:
    """Lines of small print under the legend: what is not drawn, and what is wrong with what is."""
    sentences = [f"Warning: {warning}" for warning in content.warnings]
    if content.left_out:
        sentences.insert(
            0, f"Not drawn, for want of an accuracy: {', '.join(map(_line_of, content.left_out))}."
        )
    return [line for sentence in sentences for line in wrap(plain(sentence), NOTE_LETTERS)]


def _draw_panels(figure: Figure, content: BoundsContent, bottom: float) -> Axes:
    """Draws them, `bottom` inches above the figure's lower edge; the rightmost one."""
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


def _name_references(axes: Axes, content: BoundsContent) -> None:
    bottom, top = axes.get_ylim()
    heights = [(reference.accuracy - bottom) / (top - bottom) for reference in content.references]
    for reference, height in zip(content.references, _apart(heights), strict=True):
        axes.annotate(
            f"{reference.title}\n{100 * reference.accuracy:.1f} %",
            (1.0, height),
            xycoords="axes fraction",
            xytext=(5, 0),
            textcoords="offset points",
            color=reference.ink,
            fontsize=7.5,
            va="center",
            linespacing=1.1,
            annotation_clip=False,
        )


def _apart(heights: list[float]) -> list[float]:
    """The heights of the lines' names, moved to where they neither overlap nor leave the figure."""
    lowest, highest = NAME_HEIGHT / 2.0, 1.0 - NAME_HEIGHT / 2.0
    order = sorted(range(len(heights)), key=lambda place: -heights[place])
    moved = [0.0] * len(heights)
    for rank, place in enumerate(order):
        room_below = (len(order) - 1 - rank) * NAME_HEIGHT
        moved[place] = max(min(heights[place], highest), lowest + room_below)
        highest = moved[place] - NAME_HEIGHT
    return moved


def _legend_entries(content: BoundsContent) -> Entries:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    found: Entries = []
    for name, curve in content.curves.items():
        style, points = bound_style(name), 1 if is_point(curve) else curve.rate_bits.size
        found.append((Line2D([], [], **looks(style, points)), _line_of(style.label)))
    if content.bands:
        band = Patch(facecolor=MUTED, alpha=0.3, linewidth=0)
        line = Line2D([], [], color=MUTED, linewidth=HELD_OUT_WIDTH)
        found.append(((band, line), content.band_title))
    return found


def _line_of(name: str) -> str:
    """A name as one line of the legend, whatever a document calls its curve."""
    line = "".join(" " if letter.isspace() else letter for letter in name)
    shown = line if len(line) <= LONGEST_NAME else f"{line[: LONGEST_NAME - 1]}…"
    return plain(f" {shown}" if shown.startswith("_") else shown)  # matplotlib leaves out what begins with _


def _draw_legend(figure: Figure, entries: Entries, height: float) -> None:
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
