"""Fills ``report.html``: one file that holds everything it needs and loads nothing from a network."""

from __future__ import annotations

import json
from base64 import b64encode
from datetime import UTC, datetime
from importlib import resources
from typing import Any

import yaml

from ratefront.bounds import PredictionBounds
from ratefront.columns import kibibytes, percent
from ratefront.report.findings import bound_rows, findings, status_line
from ratefront.report.front.front_figure import FrontFigure
from ratefront.report.page.page_tables import (
    PageTable,
    check_sentences,
    front_table,
    importance_table,
    no_point_table,
    rates_table,
)
from ratefront.report.page.plotly_checks import accuracy_traces, rate_traces
from ratefront.report.page.plotly_front import main_figure
from ratefront.report.sweep_view import SweepView
from ratefront.store.views.parameter_importance import Importance
from ratefront.store.views.sweep_summary import Summary
from ratefront.trial_records import Status

NAMED_PACKAGES = ("ratefront", "ray", "optuna", "mlflow", "torch", "compressai", "numpy", "scipy")


def report_html(view: SweepView, front: FrontFigure, png: bytes, importance: Importance) -> str:
    """Return the page of a sweep.

    Args:
        view: The sweep.
        front: Its figure.
        png: The same figure as ``front.png`` holds it, for browsers that run no scripts.
        importance: How much each parameter decides.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("ratefront", "report/page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["script_json"] = script_json
    return environment.get_template("page.html").render(_content(view, front, png, importance))


def script_json(value: Any) -> Any:
    """Return JSON in which no string can end the script element around it."""
    from markupsafe import Markup

    text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)  # noqa: S704 (made safe just above)


def _content(view: SweepView, front: FrontFigure, png: bytes, importance: Importance) -> dict[str, Any]:
    from markupsafe import Markup

    folder, rows = resources.files("ratefront.report.page"), provenance(view)
    return {
        "view": view,
        "title": view.name,
        "status": status_line(view),
        "findings": findings(view),
        "key_numbers": _key_numbers(view),
        "front": front_table(view),
        "rates": rates_table(view),
        "check_sentences": check_sentences(view),
        "importance": importance_table(importance, view),
        "bounds": bound_rows(view),
        "no_point": _no_point_tables(view),
        "reasons": view.summary.reasons,
        "provenance": [row for row in rows if not _is_long(row[1])],
        "documents": [row for row in rows if _is_long(row[1])],
        "figures": {
            **main_figure(front),
            "estimate": rate_traces(view),
            "splits": accuracy_traces(view),
        },
        "png": b64encode(png).decode(),
        "style": Markup(folder.joinpath("page.css").read_text(encoding="utf-8")),  # noqa: S704 (a file of this package)
        "plotly": Markup(_plotly_source()),  # noqa: S704 (the library's own text)
    }


def _plotly_source() -> str:
    """Return the text of plotly.js. Plotly is not imported, which takes time."""
    return resources.files("plotly").joinpath("package_data", "plotly.min.js").read_text(encoding="utf-8")


def _key_numbers(view: SweepView) -> list[tuple[str, str]]:
    """Return names and values of the numbers at the top of the page."""
    task_model, summary, bounds = view.task_model, view.summary, view.bounds
    repeats = summary.repeats.describe(is_over=view.history.ended)
    rows = [
        ("data set", str(summary.dataset)),
        ("trials ended", f"{view.trials_ended} of {view.trials_requested}{repeats}"),
        ("on the front", str(len(summary.front))),
        ("hours at work", _with_limit(summary.hours, summary.budget["hours"])),
        *_gpu_row(summary),
        *_forecast_rows(summary),
        ("task model, test, as stored", _accuracy_with_count(task_model.accuracy, bounds)),
        ("task model, test, before rounding", _accuracy_with_count(task_model.accuracy_given, bounds)),
        ("task model, size", _or_dash(task_model.task_model_bytes, kibibytes)),
        ("hypervolume", _or_dash(summary.hypervolume, "{:.4g}".format)),
        ("of the oracle's (rate, accuracy)", _or_dash(summary.hypervolume_rate_accuracy, percent)),
    ]
    if bounds is not None:
        rows.insert(1, ("test samples, classes", f"{bounds.samples}, {bounds.classes}"))
    return rows


def _gpu_row(summary: Summary) -> list[tuple[str, str]]:
    limit = summary.budget["gpu_hours"]
    return [("GPU-hours", _with_limit(summary.gpu_hours, limit))] if summary.gpu_hours or limit else []


def _forecast_rows(summary: Summary) -> list[tuple[str, str]]:
    """Return what was forecast, with its interval; what it took stands beside it."""
    if summary.forecast is None:
        return []
    trials = f", {summary.forecast['trials']} trials"
    named = (("hours", "hours", 1.0), ("gpu_hours", "GPU-hours", 1.0), ("disk_bytes", "MB on disk", 1e6))
    rows = []
    for key, name, unit in named:
        value = summary.forecast[key]
        low, expected, high, took = (value[part] / unit for part in ("low", "expected", "high", "took"))
        if high:
            rows.append(
                (f"{name}: took, forecast{trials}", f"{took:.3g}, {expected:.3g} ({low:.3g} to {high:.3g})")
            )
    return rows


def _with_limit(spent: float, limit: float | None) -> str:
    """Return what was spent, and of how much where there is a budget."""
    return f"{spent:.3g}" if limit is None else f"{spent:.3g} of {limit:g}"


def _accuracy_with_count(accuracy: float | None, bounds: PredictionBounds | None) -> str:
    """Return an accuracy with its count of samples, for comparison with measurements from elsewhere."""
    if accuracy is None:
        return "–"
    counted = "" if bounds is None else f" ({round(accuracy * bounds.samples)} of {bounds.samples})"
    return f"{100 * accuracy:.2f} %{counted}"


def _or_dash(value: Any, form: Any) -> str:
    return "–" if value is None else str(form(value))


def _no_point_tables(view: SweepView) -> list[tuple[str, PageTable]]:
    statuses: tuple[Status, ...] = ("failed", "collapsed", "pruned", "stopped")
    tables = [(str(status), no_point_table(view, status)) for status in statuses]
    return [(status, table) for status, table in tables if table.rows]


def provenance(view: SweepView) -> list[tuple[str, str]]:
    """Return where the numbers come from: times of the ledger, ``environment.json``, and the sweep file."""
    begun, last = view.history.created_time, view.history.last_time
    rows = [("begun", _time(begun)), ("last event", _time(last))]
    if view.history.task_model is not None:
        rows.append(("task model", view.history.task_model.identity))
    versions = view.environment.get("packages", {})
    rows += [(name, str(versions[name])) for name in NAMED_PACKAGES if name in versions]
    rows += [(name, _as_text(value)) for name, value in view.environment.items() if value not in (None, "")]
    return [*rows, ("sweep file, resolved", _as_text(view.spec))]


def _is_long(text: str) -> bool:
    return len(text) > 300 or "\n" in text


def _time(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"


def _as_text(value: Any) -> str:
    if isinstance(value, dict):
        return yaml.safe_dump(value, sort_keys=False, allow_unicode=True)
    if isinstance(value, list):
        return " ".join(map(str, value))
    return str(value)
