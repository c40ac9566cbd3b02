"""Published points in axes of accuracy over rate, and the figure of RA Fig. 4, 5 and 6 with the factors beside them.

A filled marker is a rate of coded bits, a hollow one an estimate, a cross a rate of which the source does not say it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ratefront.bounds import PublishedBounds, PublishedPanel, PublishedSeries
from ratefront.bounds.curve_names import ORACLE
from ratefront.report.colours import MUTED, SeriesStyle, bound_style, series_styles
from ratefront.report.curve_artists import line_looks, line_zorder, set_grid_and_frame, shade_unattainable
from ratefront.report.figure_file import PAGE_WIDTH

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

HEIGHT = 5.6
"""Inches."""

ABOVE_ACCURACIES = 1.42
"""Upper end of the accuracies' axis: the legend has the room above 1."""

CLAIMED_FACTORS = (10, 100, 1000)
"""RA's 'at least' for ModelNet40, ImageNet and COCO."""

_MARGINS: Any = {"left": 0.075, "right": 0.985, "bottom": 0.085, "top": 0.955, "hspace": 0.36, "wspace": 0.19}
_LEGEND: Any = {"frameon": False, "fontsize": 7.5, "handletextpad": 0.3, "labelspacing": 0.3}


def published_figure(bounds: PublishedBounds) -> Figure:
    """Return the figure: a panel for each data set over its oracle, and the factor at equal accuracy."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(PAGE_WIDTH, HEIGHT))
    grid = figure.add_gridspec(2, 2, **_MARGINS)
    places = {
        name: figure.add_subplot(grid[place]) for place, name in enumerate([*bounds.datasets, "factor"])
    }
    for name, panel in bounds.datasets.items():
        _draw_panel(places[name], panel)
    _draw_factors(places["factor"], bounds)
    for place in (0, 2):
        figure.axes[place].set_ylabel("accuracy")
    figure.axes[3].set_ylabel("published rate ÷ oracle's rate")
    return figure


def draw_published(
    axes: Axes, series: Sequence[PublishedSeries], count: float = 1.0, *, colour: str = ""
) -> None:
    """Draw accuracies over rates, a colour for each source; labels are for a legend of the axes.

    Args:
        axes: with a rate axis in bit/sample, or in another unit.
        series: of one data set; points without an accuracy are left out.
        count: by what a rate in bit/sample is divided for the unit of the axis.
        colour: of stars for all sources, beside markers that stand for something else.
    """
    styles = series_styles(sorted(set(map(_label, series))))
    if colour:
        styles = dict.fromkeys(styles, SeriesStyle(colour, "*", "star"))
    labelled: set[str] = set()
    for one in series:
        known, label = ~np.isnan(one.accuracy), _label(one)
        if not np.any(known):
            continue
        looks = _looks(one, styles[label])
        axes.plot(
            one.rate_bits[known] / count,
            one.accuracy[known],
            **looks,
            label="_" if label in labelled else label,
            zorder=6.0,
            gid=f"published {one.method}",
        )
        labelled.add(label)


def _label(series: PublishedSeries) -> str:
    return f"{source_in_short(series)}, {_KIND[series.rate_kind]}"


def source_in_short(series: PublishedSeries) -> str:
    """Return the authors and the year of the first source, as ``Dubois et al. 2021``."""
    first = series.source.split(";")[0]
    authors = first.split(",")[0]
    year = re.search(r"\b(19|20)\d\d\b", first)
    return f"{authors} {year.group()}" if year else authors


_KIND = {"actual": "coded bits", "estimated": "estimated", "see source": "not said how counted"}


def _looks(series: PublishedSeries, style: SeriesStyle) -> dict[str, Any]:
    is_cross = series.rate_kind == "see source"
    return {
        "color": style.colour,
        "linewidth": 0.5,
        "marker": "x" if is_cross else style.marker,
        "markersize": 6.0 if style.marker == "*" else 3.6,
        "markeredgewidth": 0.8,
        "markerfacecolor": style.colour if series.rate_kind == "actual" else "white",
        "markeredgecolor": style.colour,
    }


def _draw_panel(axes: Axes, panel: PublishedPanel) -> None:
    oracle = panel.oracle.per(panel.count, panel.unit)
    shade_unattainable(axes, oracle.rate_bits, oracle.accuracy)
    style = bound_style(ORACLE)
    axes.plot(
        oracle.rate_bits,
        oracle.accuracy,
        **line_looks(style),
        zorder=line_zorder(ORACLE),
        label=style.label,
        gid=ORACLE,
    )
    draw_published(axes, panel.series, panel.count)
    rates = [point.rate_bits / panel.count for point in panel.points]
    is_narrow = max(rates) < 10 * float(oracle.rate_bits.max())
    set_grid_and_frame(axes)
    axes.set_ylim(0.0, ABOVE_ACCURACIES)
    axes.set_yticks(np.linspace(0.0, 1.0, 6))
    if is_narrow:
        axes.set_xlim(0.0, 1.1 * max(rates))
        _name_points(axes, panel)
    else:
        axes.set_xscale("log")
        axes.set_xlim(0.2 / panel.count, 1.6 * max(rates))
    axes.set_xlabel(f"rate ({panel.unit})")
    axes.set_title(f"{panel.title}: K = {panel.classes}")
    axes.legend(loc="upper left", **_LEGEND)


def _name_points(axes: Axes, panel: PublishedPanel) -> None:
    """Write the method below each point: there are few of them, and they lie at one accuracy."""
    for point in panel.points:
        axes.text(
            point.rate_bits / panel.count,
            point.accuracy - 0.05,
            re.split("[:,]", point.method)[0],
            rotation="vertical",
            ha="center",
            va="top",
            fontsize=7.5,
            color=MUTED,
        )


def _draw_factors(axes: Axes, bounds: PublishedBounds) -> None:
    """Draw rate ÷ oracle's rate over accuracy: of every point faint, of the best ones strong."""
    styles = series_styles([*bounds.datasets, "coco"])
    for name, panel in bounds.datasets.items():
        style = styles[name]
        for points, looks in ((panel.points, _FAINT), (panel.best, _STRONG)):
            accuracy, factor = _factors(points)
            axes.plot(
                accuracy,
                factor,
                color=style.colour,
                marker=style.marker,
                **looks,
                label=panel.title if looks is _STRONG else "_",
                gid=f"factor {name}",
            )
    detection = bounds.detection
    axes.plot(
        detection.mean_precision,
        detection.factor,
        color=styles["coco"].colour,
        marker="*",
        markersize=8,
        linestyle="none",
        label="COCO (over mean average precision)",
        gid="factor coco",
    )
    for claimed in CLAIMED_FACTORS:
        axes.axhline(claimed, color=MUTED, linewidth=0.7, linestyle=(0, (4, 2)), zorder=1.5)
    set_grid_and_frame(axes)
    axes.set_yscale("log")
    axes.set_xlim(0.0, 1.03)
    axes.set_ylim(0.7, 1e7)
    axes.set_yticks([1, *CLAIMED_FACTORS, 10_000])
    axes.set_xlabel("accuracy")
    axes.set_title("How many times the oracle's bits")
    axes.legend(loc="upper left", **_LEGEND)


_FAINT: Any = {"linestyle": "none", "markersize": 2.2, "alpha": 0.25, "markeredgewidth": 0.0}
_STRONG: Any = {"linewidth": 0.8, "markersize": 3.4, "markeredgewidth": 0.0}


def _factors(points: Iterable[Any]) -> tuple[list[float], list[float]]:
    known: Iterator[tuple[float, float]] = (
        (point.accuracy, point.factor) for point in points if point.factor is not None
    )
    pairs = list(known)
    return [accuracy for accuracy, _ in pairs], [factor for _, factor in pairs]
