"""The described figure as plain data for plotly.

A colour that depends on the theme is written as ``ink:NAME``; the script of the page fills it in.
"""

from __future__ import annotations

from html import escape
from typing import Any, TypeAlias, assert_never

import numpy as np

from ratefront.bounds.source.distributions import FloatArray
from ratefront.columns import FreshSeeds, accuracy_interval, brief_value, kibibytes, percent
from ratefront.report.colours import OVERALL_FRONT, bound_style
from ratefront.report.front.axis_ranges import extended_limits
from ratefront.report.front.front_figure import (
    FRONT_STATUS_TEXT,
    Axis,
    Bar,
    Bound,
    FrontFigure,
    Level,
    Marker,
    Panel,
    Region,
    Stairs,
)
from ratefront.report.sweep_view import FrontStatus, MeasuredTrial

Trace: TypeAlias = dict[str, Any]
Line: TypeAlias = Region | Level | Bound | Stairs
"""Elements with a trace of their own; markers share traces."""

LEGEND_ORDER = (Region, Bound, Level, Stairs)
"""Plotly's legend has the order of drawing, so that the traces are sorted for the legend."""


def main_figure(front: FrontFigure) -> dict[str, Any]:
    """Return what the script of the page needs to draw the figure.

    ``main`` holds the traces, ``axes`` titles and units, ``windows`` the ranges of the axes (log10 if an axis is
    logarithmic), ``inks`` the colours of the bounds for each theme. The texts of the traces are names of trials;
    ``hovers`` holds what is shown of each, once for all figures of the page.
    """
    axes = {"x": front.main.x_axis, "y": front.main.y_axis, "y2": front.size.y_axis}
    windows = {"whole": {name: _range(axis) for name, axis in axes.items()}}
    if front.close is not None:
        windows["close"] = {"x": _range(front.close.x_axis), "y": _range(front.close.y_axis)}
    return {
        "main": main_traces(front),
        "axes": {name: {"title": axis.title, "unit": axis.unit} for name, axis in axes.items()},
        "windows": windows,
        "inks": {
            bound.name: {"light": bound.style.colour, "dark": bound.style.dark_colour}
            for bound in front.main.of_kind(Bound)
        },
        "hovers": {marker.trial.trial_id: _hover_text(marker.trial) for marker in front.size.of_kind(Marker)},
    }


def _range(axis: Axis) -> list[float]:
    return [float(np.log10(limit)) if axis.logarithmic else limit for limit in axis.limits]


def main_traces(front: FrontFigure) -> list[Trace]:
    """Return the traces of the main panel (axes x, y) and of the size panel (axes x, y2).

    The close-up has no traces: it is a zoom of the page.
    """
    lines = [*_line_traces(front.main, {}), *_line_traces(front.size, {"yaxis": "y2"})]
    lines.sort(key=lambda line: LEGEND_ORDER.index(line[0]))
    return [*(trace for _, trace in lines), *_bar_traces(front.main), *_marker_traces(front)]


def _line_traces(panel: Panel, axes: Trace) -> list[tuple[type[Line], Trace]]:
    span = list(extended_limits(panel.x_axis.limits))
    lines = [element for element in panel.elements if not isinstance(element, Marker | Bar)]
    return [(type(line), {**_trace(line, span), **axes}) for line in lines]


def _trace(element: Line, span: list[float]) -> Trace:
    match element:
        case Region():
            return _region_trace(element)
        case Bound():
            return _bound_trace(element)
        case Level():
            return _level_trace(element, span)
        case Stairs():
            return _stairs_trace(element)
        case _:
            assert_never(element)


def _region_trace(region: Region) -> Trace:
    rate, height = _short(region.rate), _short(region.height)
    return {
        "x": [*(max(value, region.left) for value in rate), region.left],
        "y": [*height, height[0]],
        "mode": "lines",
        "fill": "toself",
        "fillcolor": "ink:unattainable",
        "line": {"width": 0},
        "name": region.name,
        "legendgroup": "bounds",
        "hoverinfo": "skip",
    }


def _bound_trace(bound: Bound) -> Trace:
    style, colour = bound.style, f"ink:{bound.name}"
    trace = {
        "name": " ".join(style.label.split()),
        "legendgroup": "bounds",
        "legendgrouptitle": {"text": "Bounds"},
        "hovertemplate": f"{style.short}: %{{x:.3f}} bit at accuracy %{{y:.4f}}<extra></extra>",
    }
    if bound.is_points:
        looks = {"symbol": style.symbol, "size": 7, "color": colour}
        points = {"x": bound.rate.tolist(), "y": bound.height.tolist()}
        return {**trace, **points, "mode": "markers", "marker": looks}
    line = {"dash": style.dash, "width": style.width, "color": colour}
    return {**trace, "x": _short(bound.rate), "y": _short(bound.height), "mode": "lines", "line": line}


def _short(values: FloatArray) -> list[float]:
    """Return at most about 400 points with five digits, which is enough for a screen and keeps the page small."""
    picked = values[:: max(1, values.size // 400)]
    return [float(f"{value:.5g}") for value in (*picked, values[-1])] if values.size else []


def _level_trace(level: Level, span: list[float]) -> Trace:
    """Return the trace of a level. A level with a label in the panel is not in the legend."""
    in_legend = {"showlegend": False} if level.label else {"legendgroup": "bounds"}
    return {
        "x": span,
        "y": [level.height] * 2,
        "mode": "lines",
        "line": {"color": f"ink:{level.colour}", "width": 1, **({"dash": "dot"} if level.dotted else {})},
        "name": level.name,
        "hoverinfo": "name",
        **in_legend,
    }


def _stairs_trace(stairs: Stairs) -> Trace:
    """Return the trace of a front. That of all series is a broad pale band under the others."""
    colour, width, opacity = (
        (OVERALL_FRONT, 6, 0.5) if stairs.style is None else (stairs.style.colour, 1.4, 1.0)
    )
    return {
        "x": list(stairs.rate),
        "y": list(stairs.height),
        "mode": "lines",
        "line": {"shape": "hv", "color": colour, "width": width},
        "opacity": opacity,
        "name": escape(stairs.name),
        "legendgroup": "fronts",
        "legendgrouptitle": {"text": "Fronts"},
        "hoverinfo": "skip",
    }


def _bar_traces(panel: Panel) -> list[Trace]:
    """Return a trace for all bars of a series with one meaning; a click on the series' front in the legend hides it."""
    groups: dict[str, list[Bar]] = {}
    for bar in panel.of_kind(Bar):
        groups.setdefault(bar.name, []).append(bar)
    return [_bar_trace(bars) for bars in groups.values()]


def _bar_trace(bars: list[Bar]) -> Trace:
    first = bars[0]
    width, opacity = (1, 1.0) if first.meaning == "seeds" else (4, 0.22)
    return {
        "x": [value for bar in bars for value in (*bar.rate, None)],
        "y": [value for bar in bars for value in (*bar.height, None)],
        "mode": "lines",
        "line": {"color": first.style.colour, "width": width},
        "opacity": opacity,
        "name": escape(first.name),
        "legendgroup": escape(f"{first.trial.test.series}: {FRONT_STATUS_TEXT['front']}"),
        "showlegend": False,
        "hoverinfo": "skip",
    }


def _marker_traces(front: FrontFigure) -> list[Trace]:
    """Return a trace for each group of markers that look alike, in both panels.

    A click on its name in the legend hides both.
    """
    main, size = _groups(front.main), _groups(front.size)
    traces = []
    for group in main:
        traces += [
            _group_trace(main[group]),
            {**_group_trace(size[group]), "yaxis": "y2", "showlegend": False},
        ]
    return [{**traces[0], "legendgrouptitle": {"text": "Trials"}}, *traces[1:]] if traces else []


def _groups(panel: Panel) -> dict[tuple[str, FrontStatus], list[Marker]]:
    """Group the markers that look alike, series by series; in a group they keep the order of planning."""
    groups: dict[tuple[str, FrontStatus], list[Marker]] = {}
    for marker in panel.of_kind(Marker):
        groups.setdefault((marker.series, marker.front_status), []).append(marker)
    order = list(FRONT_STATUS_TEXT)
    return dict(sorted(groups.items(), key=lambda group: (group[0][0], order.index(group[0][1]))))


def _group_trace(markers: list[Marker]) -> Trace:
    name = escape(markers[0].name)
    return {
        "x": [marker.rate for marker in markers],
        "mode": "markers",
        "name": name,
        "legendgroup": name,
        "text": [marker.trial.trial_id for marker in markers],
        "hovertemplate": "%{text}<extra></extra>",
        "marker": _marker_looks(markers),
        "cliponaxis": False,
        "y": [marker.height for marker in markers],
    }


def _marker_looks(markers: list[Marker]) -> dict[str, Any]:
    front_status, style = markers[0].front_status, markers[0].style
    usual = "x-thin" if front_status == "collapsed" else style.symbol
    symbols = ["triangle-left" if marker.at_edge else usual for marker in markers]
    looks = {"symbol": symbols, "color": style.colour, "size": 9 if front_status == "front" else 8}
    edge = {"color": "ink:surface" if front_status == "front" else style.colour, "width": 1}
    return {**looks, "line": edge, "opacity": 0.35 if front_status == "dominated" else 1.0}


def _from_to(low: float, high: float) -> str:
    return f"{percent(low)} to {percent(high)}"


def _seeds_text(fresh: FreshSeeds | None) -> list[str]:
    """Return a line for rate and one for accuracy of fresh seeds; nothing where there are none."""
    if fresh is None:
        return []
    rate, accuracy = fresh.rate_bits, fresh.accuracy
    seeds = "1 fresh seed" if fresh.seeds == 1 else f"{fresh.seeds} fresh seeds"
    return [
        f"{seeds}: {rate.mean:.3f} bit ({rate.low:.3f} to {rate.high:.3f})",
        f"at {percent(accuracy.mean)} ({_from_to(accuracy.low, accuracy.high)})",
    ]


def _hover_text(trial: MeasuredTrial) -> str:
    """Return a few lines about a trial, escaped, with the tags that plotly supports."""
    point = trial.test
    values = {name: trial.parameter(name) for name in ("split", "beta")}
    named_values = [
        f"{'β' if name == 'beta' else name} {brief_value(value)}"
        for name, value in values.items()
        if value is not None
    ]
    lines = [
        f"<b>{escape(point.trial_id)}</b> {escape(point.series)}",
        *([escape(" · ".join(named_values))] if named_values else []),
        f"{point.rate_bits:.3f} bit/sample (estimated {point.rate_bits_estimated:.3f})",
        f"accuracy {percent(point.accuracy)} (validation {percent(trial.validation.accuracy)})",
        f"95 % interval {_from_to(*accuracy_interval(point.accuracy, trial.result.test.samples))}",
        *_seeds_text(trial.fresh_seeds),
        f"transmitter {kibibytes(point.transmitter_bytes)}",
        *(
            f"{bound_style(name).short.replace('&', '&amp;')} {gap.bits:+.3f} bit"
            for name, gap in trial.gaps.items()
            if gap.bits is not None
        ),
    ]
    return "<br>".join([*lines, FRONT_STATUS_TEXT[trial.front_status]])
