"""The page's two small figures, as plain data for plotly.

One compares estimated with coded bits, the other test with validation accuracy. Their texts are names of trials, as in
the main figure.
"""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import Any, TypeAlias

from ratefront.report.colours import series_styles
from ratefront.report.sweep_view import MeasuredTrial, SweepView

PointOfTrial: TypeAlias = Callable[[MeasuredTrial], tuple[float, float]]
"""Gives x and y of a trial."""


def rate_traces(view: SweepView) -> list[dict[str, Any]]:
    """Return the traces of estimated over coded rate, in bit/sample."""
    return _check_traces(view, lambda t: (t.test.rate_bits, t.test.rate_bits_estimated))


def accuracy_traces(view: SweepView) -> list[dict[str, Any]]:
    """Return the traces of accuracy on test over accuracy on validation."""
    return _check_traces(view, lambda t: (t.validation.accuracy, t.test.accuracy))


def _check_traces(view: SweepView, pair: PointOfTrial) -> list[dict[str, Any]]:
    trials = [trial for trial in view.drawn if trial.front_status != "collapsed"]
    if not trials:
        return []
    pairs = [pair(trial) for trial in trials]
    low, high = min(map(min, pairs)), max(map(max, pairs))
    line = {"mode": "lines", "line": {"color": "ink:muted", "width": 1, "dash": "dot"}}
    traces: list[dict[str, Any]] = [
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
                "text": [trial.trial_id for _, trial in chosen],
                "hovertemplate": "%{text}<extra></extra>",
                "marker": {"color": style.colour, "symbol": style.symbol, "size": 8},
            }
        )
    return traces
