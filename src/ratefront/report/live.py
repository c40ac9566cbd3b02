"""The figures of the page as plotly's plain data; colours that depend on the theme are named and filled in
by the page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, TypeAlias

import numpy as np

from ratefront.bounds import ORACLE
from ratefront.columns import kibibytes, percent
from ratefront.report.axes import Window, close_window, drawn_curve, whole_window
from ratefront.report.style import SeriesStyle, bound_style, series_styles
from ratefront.report.view import MeasuredTrial, Standing, SweepView

Trace: TypeAlias = dict[str, Any]
STANDINGS: tuple[tuple[Standing, str], ...] = (
    ("dominated", "dominated"),
    ("front", "on the front"),
    ("collapsed", "collapsed"),
)


def figures(view: SweepView) -> dict[str, Any]:
    """``main``, ``estimate`` and ``splits``: lists of traces; ``windows``: axis ranges (rate as log10);
    ``inks``: the bounds' colours by theme."""
    whole = whole_window(view)
    close = close_window(view, whole)
    return {
        "main": main_traces(view, whole),
        "estimate": _check_traces(view, lambda t: (t.test.rate_bits, t.test.rate_bits_estimated)),
        "splits": _check_traces(view, lambda t: (t.validation.accuracy, t.test.accuracy)),
        "windows": {"whole": _ranges(whole), **({} if close is None else {"close": _ranges(close)})},
        "inks": {
            name: {"light": bound_style(name).ink, "dark": bound_style(name).ink_dark} for name in view.bounds
        },
    }


def _ranges(window: Window) -> dict[str, list[float]]:
    return {"x": [float(np.log10(rate)) for rate in window.rate], "y": list(window.accuracy)}


def main_traces(view: SweepView, window: Window) -> list[Trace]:
    """Bounds, fronts and trials in rate and accuracy (axes x, y), and the trials again in rate and bytes
    (x, y2).
    """
    styles = series_styles(view.series)
    traces = [*_bound_traces(view, window), *_task_model_traces(view, window)]
    traces += _stairs(view.staircase(), window, "overall front", "#f2c94c", 6, 0.5)
    for name, style in styles.items():
        traces += _stairs(view.staircase(name), window, f"{escape(name)}: front", style.colour, 1.4, 1.0)
    return traces + _headed(_all_trial_traces(view, styles, window), "Trials")


def _all_trial_traces(view: SweepView, styles: Mapping[str, SeriesStyle], window: Window) -> list[Trace]:
    traces = []
    for name, style in styles.items():
        for standing, words in STANDINGS:
            trials = [t for t in view.measured if t.test.series == name and t.standing == standing]
            traces += _trial_traces(trials, style, f"{escape(name)}: {words}", window)
    return traces


def _headed(traces: list[Trace], heading: str) -> list[Trace]:
    """The traces, the first of which carries their heading in the legend."""
    return [{**traces[0], "legendgrouptitle": {"text": heading}}, *traces[1:]] if traces else []


def _bound_traces(view: SweepView, window: Window) -> list[Trace]:
    if view.overlay is None:
        return []
    lines = [_bound_trace(view, name, window) for name in view.bounds]
    return [*_unattainable(view, window), *lines]


def _unattainable(view: SweepView, window: Window) -> list[Trace]:
    """The region on the wrong side of the oracle, as a filled shape."""
    if view.overlay is None or ORACLE not in view.bounds:
        return []
    rate, accuracy = map(_short, drawn_curve(view.overlay.curves[ORACLE]))
    left = 0.1 * window.rate[0]
    return [
        {
            "x": [*(max(value, left) for value in rate), left],
            "y": [*accuracy, accuracy[0]],
            "mode": "lines",
            "fill": "toself",
            "fillcolor": "ink:unattainable",
            "line": {"width": 0},
            "name": "unattainable",
            "legendgroup": "bounds",
            "hoverinfo": "skip",
        }
    ]


def _bound_trace(view: SweepView, name: str, window: Window) -> Trace:
    curve, style = view.overlay.curves[name], bound_style(name)  # type: ignore[union-attr]
    trace = {
        "name": " ".join(style.label.split()),
        "legendgroup": "bounds",
        "legendgrouptitle": {"text": "Bounds"},
        "hovertemplate": f"{style.short}: %{{x:.3f}} bit at accuracy %{{y:.4f}}<extra></extra>",
    }
    if style.marker:
        shown = curve.rate_bits > 0.3 * window.rate[0]
        looks = {"symbol": style.symbol, "size": 7, "color": f"ink:{name}"}
        points = {"x": curve.rate_bits[shown].tolist(), "y": curve.accuracy[shown].tolist()}
        return {**trace, **points, "mode": "markers", "marker": looks}
    rate, accuracy = drawn_curve(curve)
    shown = rate > 0.3 * window.rate[0]
    line = {"dash": style.dash, "width": style.width, "color": f"ink:{name}"}
    return {**trace, "x": _short(rate[shown]), "y": _short(accuracy[shown]), "mode": "lines", "line": line}


def _short(values: Any) -> list[float]:
    """Five digits of every third point: enough for a screen, and a small page."""
    picked = values[:: max(1, values.size // 400)]
    return [float(f"{value:.5g}") for value in (*picked, values[-1])] if values.size else []


def _task_model_traces(view: SweepView, window: Window) -> list[Trace]:
    span = [0.1 * window.rate[0], 10 * window.rate[1]]
    line = {"color": "ink:task-model", "width": 1}
    traces: list[Trace] = []
    if view.overlay is not None:
        accuracy = 1 - view.overlay.task_model_distortion
        label = f"task model, {percent(accuracy)}"
        looks = {"mode": "lines", "line": line, "name": label, "legendgroup": "bounds", "hoverinfo": "name"}
        traces.append({"x": span, "y": [accuracy] * 2, **looks})
    if view.facts.task_model_bytes:
        size = view.facts.task_model_bytes
        for share, label in ((1, "the task model"), (0.5, "half of the task model")):
            dotted = {"color": "ink:muted", "width": 1, "dash": "dot"}
            place: Trace = {"x": span, "y": [share * size] * 2, "yaxis": "y2", "showlegend": False}
            traces.append({**place, "mode": "lines", "line": dotted, "name": label, "hoverinfo": "name"})
    return traces


def _stairs(
    stairs: Sequence[tuple[float, float]],
    window: Window,
    name: str,
    colour: str,
    width: float,
    opacity: float,
) -> list[Trace]:
    if not stairs:
        return []
    return [
        {
            "x": [*(window.place(rate) for rate, _ in stairs), 10 * window.rate[1]],
            "y": [*(accuracy for _, accuracy in stairs), stairs[-1][1]],
            "mode": "lines",
            "line": {"shape": "hv", "color": colour, "width": width},
            "opacity": opacity,
            "name": name,
            "legendgroup": "fronts",
            "legendgrouptitle": {"text": "Fronts"},
            "hoverinfo": "skip",
        }
    ]


def _trial_traces(trials: list[MeasuredTrial], style: SeriesStyle, name: str, window: Window) -> list[Trace]:
    if not trials:
        return []
    shared: Trace = {
        "x": [window.place(trial.test.rate_bits) for trial in trials],
        "mode": "markers",
        "name": name,
        "legendgroup": name,
        "text": [hover(trial) for trial in trials],
        "hovertemplate": "%{text}<extra></extra>",
        "marker": _marker(trials, style, window),
        "cliponaxis": False,
    }
    accuracies = [trial.test.accuracy for trial in trials]
    sizes = [max(1, trial.test.transmitter_bytes) for trial in trials]
    return [
        {**shared, "y": accuracies},
        {**shared, "y": sizes, "yaxis": "y2", "showlegend": False},
    ]


def _marker(trials: list[MeasuredTrial], style: SeriesStyle, window: Window) -> dict[str, Any]:
    standing = trials[0].standing
    usual = "x-thin" if standing == "collapsed" else style.symbol
    symbols = [usual if window.holds_rate(t.test.rate_bits) else "triangle-left" for t in trials]
    marker = {"symbol": symbols, "color": style.colour, "size": 9 if standing == "front" else 8}
    edge = {"color": "ink:surface" if standing == "front" else style.colour, "width": 1}
    return {**marker, "line": edge, "opacity": 0.35 if standing == "dominated" else 1.0}


def hover(trial: MeasuredTrial) -> str:
    """What a marker says when pointed at: escaped, in the few tags that plotly knows."""
    point = trial.test
    own = {name: trial.parameter(name) for name in ("split", "beta")}
    chosen = [
        f"{'β' if name == 'beta' else name} {_said(value)}"
        for name, value in own.items()
        if value is not None
    ]
    lines = [
        f"<b>{escape(point.trial_id)}</b> {escape(point.series)}",
        *([escape(" · ".join(chosen))] if chosen else []),
        f"{point.rate_bits:.3f} bit/sample (estimated {point.rate_bits_estimated:.3f})",
        f"accuracy {percent(point.accuracy)} (validation {percent(trial.validation.accuracy)})",
        f"transmitter {kibibytes(point.transmitter_bytes)}",
        *(
            f"{bound_style(name).short.replace('&', '&amp;')} {gap.bits:+.3f} bit"
            for name, gap in trial.gaps.items()
            if gap.bits is not None
        ),
    ]
    return "<br>".join([*lines, trial.standing.replace("front", "on the front")])


def _said(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _check_traces(view: SweepView, pair: Any) -> list[Trace]:
    trials = [trial for trial in view.measured if trial.standing != "collapsed"]
    if not trials:
        return []
    pairs = [pair(trial) for trial in trials]
    low, high = min(map(min, pairs)), max(map(max, pairs))
    line = {"mode": "lines", "line": {"color": "ink:muted", "width": 1, "dash": "dot"}}
    traces: list[Trace] = [
        {
            "x": [low, high],
            "y": [low, high],
            **line,
            "name": "equal",
            "hoverinfo": "skip",
            "showlegend": False,
        }
    ]
    for name, style in series_styles(view.series).items():
        chosen = [(p, t) for p, t in zip(pairs, trials, strict=True) if t.test.series == name]
        traces.append(
            {
                "x": [x for (x, _), _ in chosen],
                "y": [y for (_, y), _ in chosen],
                "mode": "markers",
                "name": escape(name),
                "text": [hover(trial) for _, trial in chosen],
                "hovertemplate": "%{text}<extra></extra>",
                "marker": {"color": style.colour, "symbol": style.symbol, "size": 8},
            }
        )
    return traces
