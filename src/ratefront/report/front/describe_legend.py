"""Decides what the legend of a sweep's figure explains: only what is in the figure."""

from __future__ import annotations

from collections.abc import Iterator

from ratefront.report.colours import series_styles
from ratefront.report.front.front_figure import (
    BAR_TEXT,
    Bar,
    Bound,
    Legend,
    LegendEntry,
    Level,
    Marker,
    Panel,
    Stairs,
)
from ratefront.report.sweep_view import SweepView
from ratefront.trial_records import objectives_of


def describe_legend(view: SweepView, main: Panel) -> Legend:
    """Return the legend of a figure whose main panel is ``main``."""
    names = ", ".join(name.removesuffix("_bits").replace("_", " ") for name in objectives_of(view.spec))
    note = f"Front: non-dominated on validation in\n{names}; all values shown are test."
    codecs = (*_series(view, main), *_fronts(main), *_marker_meanings(main))
    return Legend(tuple(_bounds(main)), codecs, note)


def _bounds(main: Panel) -> Iterator[LegendEntry]:
    for bound in main.of_kind(Bound):
        yield LegendEntry(bound.style.label, bound.style.short, bound)
    for level in main.of_kind(Level):
        yield LegendEntry(level.name, level.name, level)


def _series(view: SweepView, main: Panel) -> Iterator[LegendEntry]:
    present = {marker.series for marker in main.of_kind(Marker)}
    for name, style in series_styles(view.series).items():
        if name in present:
            yield LegendEntry(name, name, style)


def _fronts(main: Panel) -> Iterator[LegendEntry]:
    """Yield the front of all series. The front of one series has the colour of the series."""
    for stairs in main.of_kind(Stairs):
        if stairs.style is None:
            yield LegendEntry(stairs.name, stairs.name, stairs)


def _marker_meanings(main: Panel) -> Iterator[LegendEntry]:
    markers = list(main.of_kind(Marker))
    front_statuses = {marker.front_status for marker in markers}
    if "front" in front_statuses:
        yield LegendEntry("filled: on the front", "on the front", "front")
    if "dominated" in front_statuses:
        yield LegendEntry("pale: dominated", "dominated", "dominated")
    if "collapsed" in front_statuses:
        yield LegendEntry("collapsed", "collapsed", "collapsed")
    if any(marker.at_edge for marker in markers):
        least = f"{main.x_axis.limits[0]:.2g} bit"
        yield LegendEntry(f"rate below {least}", f"under {least}", "edge")
    meanings = {bar.meaning for bar in main.of_kind(Bar)}
    if "seeds" in meanings:
        yield LegendEntry(BAR_TEXT["seeds"], "fresh seeds", "seeds")
    if "samples" in meanings:
        yield LegendEntry(BAR_TEXT["samples"], "95 % interval", "samples")
