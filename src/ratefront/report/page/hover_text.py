"""The text that the page shows when the mouse points at a marker."""

from __future__ import annotations

from html import escape

from ratefront.columns import brief_value, kibibytes, percent
from ratefront.report.colours import bound_style
from ratefront.report.front.front_figure import FRONT_STATUS_TEXT
from ratefront.report.sweep_view import MeasuredTrial


def hover_text(trial: MeasuredTrial) -> str:
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
        f"transmitter {kibibytes(point.transmitter_bytes)}",
        *(
            f"{bound_style(name).short.replace('&', '&amp;')} {gap.bits:+.3f} bit"
            for name, gap in trial.gaps.items()
            if gap.bits is not None
        ),
    ]
    return "<br>".join([*lines, FRONT_STATUS_TEXT[trial.front_status]])
