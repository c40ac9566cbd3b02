"""The metrics and parameters of a run, under the keys that MLflow stores. The same in every tracker.

Keys of metrics:

- ``epoch/…``: what a trial reported after each epoch (a curve).
- ``obj/…``: the objectives as the search saw them, on validation.
- ``test/…`` and ``rate/…``: what was measured on the test split.
- ``gap/…``: bits above each bound, at the accuracy on test.
- ``seeds/…``: what fresh seeds of the same configuration measured on test, once the sweep has ended.
- ``cost/…``: what the codec costs (bytes, MACs, ms, s).
- ``system/…``: what the trial's process used.

Keys of parameters: ``hp/…`` and ``seed`` of a trial, ``section/key`` of a sweep. Rates and gaps are in bit/sample,
accuracies are fractions.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from ratefront.columns import SEED_COLUMNS, columns_of_result
from ratefront.history.sweep_history import TrialHistory
from ratefront.tracking.tracker_protocol import ParetoRank, TimedReport, TrackedSweep, TrialUpdate
from ratefront.trial_records import SYSTEM_PREFIX, TrialResult

VALUE_CHARACTERS = 6000  # MLflow's limit for a parameter; a tag may hold 8000
_FORBIDDEN_IN_KEY = re.compile(r"[^\w\-. :]", re.ASCII)


class MetricPoint(NamedTuple):
    """One value of a metric. ``time_ms`` is the time of the event, so that sending it again gives the same point."""

    key: str
    value: float
    time_ms: int
    step: int


def milliseconds(seconds: float) -> int:
    """Convert seconds to whole milliseconds."""
    return round(seconds * 1000)


@lru_cache(maxsize=1024)  # few names, looked up at each point
def _key(text: str) -> str:
    """Return a key that MLflow accepts: letters, digits, ``_-. :``; no part between slashes is empty or only dots."""
    parts = (_FORBIDDEN_IN_KEY.sub("_", part) for part in text.split("/"))
    return "/".join(part if part.strip(".") else "_" for part in parts)


def finite_points(metrics: Mapping[str, float | None], seconds: float, step: int = 0) -> list[MetricPoint]:
    """Return the metrics as points, without NaN, infinities and missing values (MLflow stores inf as 1.8e308)."""
    return [
        MetricPoint(_key(name), float(value), milliseconds(seconds), step)
        for name, value in metrics.items()
        if value is not None and math.isfinite(value)
    ]


def shorten(text: str, characters: int) -> str:
    """Cut the text to at most ``characters``, with an ellipsis at the end."""
    return text if len(text) <= characters else text[: characters - 1] + "…"


def sweep_params(sweep: TrackedSweep) -> dict[str, str]:
    """Return the spec's settings under ``section/key``.

    The search space is too long for a column: it is in the artifact ``spec.yaml``.
    """
    settings = {name: value for name, value in sweep.spec.items() if name != "space"}
    return {_key(path): shorten(value, VALUE_CHARACTERS) for path, value in _flatten(settings)}


def _flatten(settings: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from _flatten(value, f"{above}{name}/")
        elif isinstance(value, list | tuple):
            yield f"{above}{name}", ", ".join(map(str, value))
        else:
            yield f"{above}{name}", str(value)


def trial_params(trial: TrialHistory) -> dict[str, str]:
    """Return what the search chose for the trial, its seed, and the trial that it starts from, if there is one."""
    chosen = {f"hp/{name}": str(value) for name, value in trial.params.values.items()}
    own = {"seed": str(trial.params.seed), "starts_from": trial.params.starts_from}
    return {_key(name): shorten(value, VALUE_CHARACTERS) for name, value in chosen.items()} | {
        name: value for name, value in own.items() if value
    }


def epoch_points(reports: Iterable[TimedReport]) -> list[MetricPoint]:
    """Return the points of a trial's curves, one for each metric and epoch."""
    return [
        point
        for seconds, report in reports
        for point in finite_points(
            {curve_key(name): value for name, value in report.metrics.items()}, seconds, report.step
        )
    ]


def curve_key(metric: str) -> str:
    """Return the key of a curve. ``system/…`` stays: MLflow shows it on a page of its own."""
    return metric if metric.startswith(SYSTEM_PREFIX) else f"epoch/{metric}"


def final_points(update: TrialUpdate, objectives: Iterable[str]) -> list[MetricPoint]:
    """Return what the trial measured as points at the time of its end; none without a result."""
    trial = update.trial
    if trial.result is None or trial.ended_time is None:
        return []
    gaps = {f"gap/{name}_bits": bits for name, bits in update.gap_bits.items()}
    return finite_points({**final_metrics(trial.result, objectives), **gaps}, trial.ended_time)


def seed_points(pareto_rank: ParetoRank | None, seconds: float) -> list[MetricPoint]:
    """Return what fresh seeds measured as points at the sweep's end; none where there are no such seeds."""
    fresh = None if pareto_rank is None else pareto_rank.fresh_seeds
    if fresh is None:
        return []
    return finite_points({column.key: float(column.value(fresh) or 0) for column in SEED_COLUMNS}, seconds)


def final_metrics(result: TrialResult, objectives: Iterable[str]) -> dict[str, float | None]:
    """Return what the trial measured by key, such as ``obj/rate_bits``; None for what is unknown."""
    columns = columns_of_result(tuple(result.test.metrics))
    return {
        **{f"obj/{name}": result.objective(name) for name in objectives},
        **{column.key: column.value(result) for column in columns if column.key},
        **{f"extra/{name}": value for name, value in result.extra.items()},
    }
