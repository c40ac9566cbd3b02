"""Saved views of MLflow's pages, with our columns, order and charts. They are tags of the experiment.

MLflow's table of runs shows no metric by default. A view is JSON in the tag ``mlflow.sharedViewState.KEY``, and the
page's address names the key. MLflow takes filter and order from the view alone. If the address has its own filter or
order, the view is not read. So each sweep has a view of its trials.

None of this is documented: the tag, the keys of the JSON, the words of the addresses. If a later MLflow reads others,
its page shows runs without our columns and charts, or in its own order. Nothing stored depends on it. Tried with MLflow
3.17.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

from ratefront.columns import tracker_key
from ratefront.tracking.run_tags import SWEEP_TAG, TRIAL_TAG
from ratefront.trial_records import LOGARITHMIC, OBJECTIVES, Objectives

VIEW_TAG = "mlflow.sharedViewState."
SWEEPS_KEY = "ratefront-sweeps"

_RATE, _ACCURACY = tracker_key("rate_bits"), tracker_key("accuracy")

#: Creation time of the named views, in ms since the epoch. The menu sorts by it, and it must not change.
_MADE_MS = 1_767_225_600_000
#: Filters for older servers too, which do not know IS NOT NULL. Only a sweep's own run has the tag ``sweep``.
_TRIALS = f"tags.{TRIAL_TAG} LIKE '%'"
_SWEEPS = "tags.sweep LIKE '%'"

#: Columns that MLflow always shows first, with widths in pixels that fit their content.
_FIXED_WIDTHS = {"attributes.`Run Name`": 290, "runDateAndNestInfo": 140, "duration": 80}


def view_tags(objectives: Objectives, sweep_id: str) -> dict[str, str]:
    """Return the tags for the experiment that holds a sweep. They change only if ratefront changes its views.

    The views of all trials and of all sweeps have names and appear in the menu of the page, which holds 40. The view of
    one sweep's trials has no name: it is opened by its address.
    """
    everything = f"ratefront: trials ({', '.join(objectives)})"
    views = {
        _trials_key(None, objectives): _named(everything, _trials_state(_TRIALS, objectives)),
        _trials_key(sweep_id, objectives): _json(_trials_state(_trials_of(sweep_id), objectives)),
        SWEEPS_KEY: _named("ratefront: sweeps", _sweeps_state()),
    }
    return {VIEW_TAG + key: view for key, view in views.items()}


def _trials_of(sweep_id: str) -> str:
    return f"tags.{SWEEP_TAG} = '{sweep_id}' AND {_TRIALS}"


def _trials_key(sweep_id: str | None, objectives: Objectives) -> str:
    """Return the key of a sweep's view, or of the view of all trials with the same objectives and directions."""
    return f"ratefront-{sweep_id or hashlib.sha256(_json(dict(objectives)).encode()).hexdigest()[:8]}"


def _trials_state(search: str, objectives: Objectives) -> dict[str, Any]:
    metrics = [*(f"obj/{name}" for name in objectives), _RATE, _ACCURACY, "gap/oracle_bits"]
    columns = [
        ("tags", "pareto"),
        *(("metrics", key) for key in metrics),
        ("params", "hp/family"),
        ("tags", "status_reason"),
    ]
    by, ascending = _order(objectives)
    costs = [tracker_key(name) for name in objectives if name in LOGARITHMIC - {"rate_bits"}]
    metrics_of_file = [tracker_key(name) for name in objectives if name not in OBJECTIVES]
    return {
        "searchFilter": search,
        "orderByKey": by,
        "orderByAsc": ascending,
        **_table(columns),
        **_charts(
            [
                *(_scatter(x, _ACCURACY) for x in (_RATE, *costs)),
                *(_scatter(_RATE, y) for y in metrics_of_file),
            ]
        ),
    }


def _order(objectives: Objectives) -> tuple[str, bool]:
    """Return the column to order by, and whether ascending: the best accuracy comes first.

    In any order but that of time, MLflow lists runs flat, not under their parents.
    """
    by = "accuracy" if "accuracy" in objectives else next(iter(objectives))
    return _column("metrics", f"obj/{by}"), objectives[by] == "minimise"


def _sweeps_state() -> dict[str, Any]:
    """Return the view of all sweeps: the newest first, with figures of the report."""
    figures = ("hypervolume", "hypervolume_rate_accuracy", "trials_finished", "task_model_accuracy")
    return {
        "searchFilter": _SWEEPS,
        "orderByKey": "attributes.start_time",
        "orderByAsc": False,
        **_table([("tags", "status"), *(("metrics", key) for key in figures)]),
        "runsHiddenMode": "SHOW_ALL",
    }


def _table(columns: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Return our columns in our order. MLflow uses only the widths of columns that are in the order."""
    widths = {_column(group, key): 40 + 7 * max(len(key), 6) for group, key in columns}
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
    """Return a section above MLflow's own, with all runs: MLflow would draw the first ten."""
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


def start_address(base: str) -> str:
    """Return the address of the page with all experiments."""
    return _address(base, "", {})


def trials_address(
    base: str, experiment_id: str, sweep_id: str, objectives: Objectives, tags: Collection[str]
) -> str:
    """Return the address of the table of this sweep's trials. ``tags`` are the experiment's.

    MLflow refuses the address of a missing view. Then the address gives the same trials in the same order, without our
    columns.
    """
    if view_tags(objectives, sweep_id).keys() <= set(tags):
        return _runs_address(base, experiment_id, viewStateShareKey=_trials_key(sweep_id, objectives))
    by, ascending = _order(objectives)
    search = {"searchFilter": _trials_of(sweep_id), "orderByKey": by, "orderByAsc": str(ascending).lower()}
    return _runs_address(base, experiment_id, **search)


def sweeps_address(base: str, experiment_id: str, tags: Collection[str]) -> str:
    """Return the address of the table of all sweeps, a row each; without the view, of MLflow's table of all runs."""
    view = {"viewStateShareKey": SWEEPS_KEY} if VIEW_TAG + SWEEPS_KEY in tags else {}
    return _runs_address(base, experiment_id, **view)


def run_address(base: str, experiment_id: str, run_id: str) -> str:
    """Return the address of the page of one run."""
    return _address(base, f"/{experiment_id}/runs/{run_id}", {})


def _runs_address(base: str, experiment_id: str, **query: str) -> str:
    return _address(base, f"/{experiment_id}/runs", query)


def _address(base: str, page: str, query: Mapping[str, str]) -> str:
    """Build an address. It selects model training: the pages for language models would hide the runs."""
    query_text = urlencode({"workflowType": "machine_learning", **query}, quote_via=quote)
    return f"{base}/#/experiments{page}?{query_text}"
