"""How MLflow shows sweeps: saved views with our columns, order and charts, kept as tags of the experiment.

MLflow's table of runs shows no metric by itself. A view is JSON in the tag ``mlflow.sharedViewState.KEY``, and the
page's address names the key. MLflow takes filter and order from the view alone: where the address has any of its own,
the view is not read. So each sweep has a view of its trials.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from ratefront.records import OBJECTIVES
from ratefront.tracking.presentation import SWEEP_TAG, TRIAL_TAG

VIEW_TAG = "mlflow.sharedViewState."
SWEEPS_KEY = "ratefront-sweeps"

#: When the named views were made, in ms since the epoch: the menu sorts them by it, and it must not change.
_MADE_MS = 1_767_225_600_000
_TRIALS = f"tags.{TRIAL_TAG} IS NOT NULL"
_SWEEPS = f"tags.{SWEEP_TAG} IS NOT NULL AND tags.{TRIAL_TAG} IS NULL"

#: Columns that MLflow always shows first, with widths in pixels in which their content can be read whole.
_FIXED_WIDTHS = {"attributes.`Run Name`": 290, "runDateAndNestInfo": 140, "duration": 80}


def view_tags(objectives: Sequence[str], sweep_id: str | None = None) -> dict[str, str]:
    """Tags for the experiment that holds a sweep; the same for the same sweep until ratefront changes its views.

    The views of all trials and of all sweeps have names and stand in the menu of the page, which holds 40. The view of
    one sweep's trials has none: its address leads to it.
    """
    everything = f"ratefront: trials ({', '.join(objectives)})"
    views = {
        _trials_key(None, objectives): _named(everything, _trials_state(_TRIALS, objectives)),
        SWEEPS_KEY: _named("ratefront: sweeps", _sweeps_state()),
    }
    if sweep_id is not None:
        its_trials = f"tags.{SWEEP_TAG} = '{sweep_id}' AND {_TRIALS}"
        views[_trials_key(sweep_id, objectives)] = _json(_trials_state(its_trials, objectives))
    return {VIEW_TAG + key: view for key, view in views.items()}


def _trials_key(sweep_id: str | None, objectives: Sequence[str]) -> str:
    """A sweep has one view; that of all trials is shared by sweeps with the same objectives."""
    return f"ratefront-{sweep_id or hashlib.sha256(_json(list(objectives)).encode()).hexdigest()[:8]}"


def _trials_state(search: str, objectives: Sequence[str]) -> dict[str, Any]:
    """Best accuracy first. In an order other than that of time MLflow lists runs flat, not under their parents."""
    by = "accuracy" if "accuracy" in objectives else objectives[0]
    metrics = [*(f"obj/{name}" for name in objectives), "test/rate_bits", "test/accuracy", "gap/oracle_bits"]
    columns = [
        ("tags", "pareto"),
        *(("metrics", key) for key in metrics),
        ("params", "hp/family"),
        ("tags", "status_reason"),
    ]
    costs = [f"cost/{name}" for name in objectives if name not in ("rate_bits", "accuracy")]
    return {
        "searchFilter": search,
        "orderByKey": _column("metrics", f"obj/{by}"),
        "orderByAsc": OBJECTIVES[by] == "minimise",
        **_table(columns),
        **_charts([_scatter(x, "test/accuracy") for x in ("test/rate_bits", *costs)]),
    }


def _sweeps_state() -> dict[str, Any]:
    """The newest first, with the figures that a report ends with."""
    figures = ("hypervolume", "hypervolume_rate_accuracy", "trials_finished", "task_model_accuracy")
    return {
        "searchFilter": _SWEEPS,
        "orderByKey": "attributes.start_time",
        "orderByAsc": False,
        **_table([("tags", "status"), *(("metrics", key) for key in figures)]),
        "runsHiddenMode": "SHOW_ALL",
    }


def _table(columns: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Our columns in our order; MLflow uses a width only of a column that has a place in the order."""
    widths = {_column(group, key): 30 + 7 * max(len(key), 6) for group, key in columns}
    return {
        "selectedColumns": list(widths),
        "columnOrder": [*_FIXED_WIDTHS, *widths],
        "columnWidths": _FIXED_WIDTHS | widths,
    }


def _column(group: str, key: str) -> str:
    return f"{group}.`{key}`"


def _scatter(x: str, y: str) -> dict[str, Any]:
    return {
        "uuid": f"ratefront {y} {x}",
        "type": "SCATTER",
        "xaxis": {"key": x, "type": "METRIC"},
        "yaxis": {"key": y, "type": "METRIC"},
        "metricSectionId": "ratefront",
        "deleted": False,
        "isGenerated": False,
    }


def _charts(charts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A section above those that MLflow makes by itself, and every run in it: MLflow would draw the first ten."""
    section = {"uuid": "ratefront", "name": "Rate and accuracy", "columns": 2, "cardHeight": 420}
    return {
        "compareRunCharts": list(charts),
        "compareRunSections": [{**section, "display": True, "isReordered": True, "deleted": False}],
        "isAccordionReordered": True,
        "runsHiddenMode": "SHOW_ALL",
    }


def _named(name: str, state: Mapping[str, Any]) -> str:
    return _json({"name": name, "createdAt": _MADE_MS, "updatedAt": _MADE_MS, "state": _json(state)})


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def table_address(base: str, experiment_id: str, sweep_id: str | None, objectives: Sequence[str]) -> str:
    """The page with the table of this sweep's trials, or of all trials where ``sweep_id`` is None."""
    return _view_address(base, experiment_id, _trials_key(sweep_id, objectives))


def sweeps_address(base: str, experiment_id: str) -> str:
    """The page with the table of all sweeps, a row each."""
    return _view_address(base, experiment_id, SWEEPS_KEY)


def _view_address(base: str, experiment_id: str, key: str) -> str:
    return f"{base}/#/experiments/{experiment_id}/runs?workflowType=machine_learning&viewStateShareKey={key}"
