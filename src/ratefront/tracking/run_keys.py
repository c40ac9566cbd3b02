"""The metrics and parameters of a run, under the keys that MLflow stores. The same in every tracker.

Keys of metrics:

- ``epoch/…``: what a trial reported after each epoch (a curve).
- ``obj/…``: the objectives as the search saw them, on validation.
- ``test/…`` and ``rate/…``: columns_of_result on the test split.
- ``gap/…``: bits above each bound, at the accuracy on test.
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

from ratefront.columns import columns_of_result
from ratefront.history.sweep_history import TrialHistory
from ratefront.records import SYSTEM_PREFIX, TrialResult
from ratefront.tracking.tracker_protocol import TimedReport, TrackedSweep, TrialUpdate

VALUE_CHARACTERS = 6000  # MLflow's limit of a parameter; a tag may hold 8000
_FORBIDDEN_IN_KEY = re.compile(r"[^\w\-. :]", re.ASCII)


class MetricPoint(NamedTuple):
    """One value of a curve. ``time_ms`` is that of the event, so that saying it again is the same point."""

    key: str
    value: float
    time_ms: int
    step: int


def milliseconds(seconds: float) -> int:
    return round(seconds * 1000)


@lru_cache(maxsize=1024)  # a few names, at every point
def _key(text: str) -> str:
    """A key that MLflow takes: letters, digits, ``_-. :``; no part between slashes is empty or dots."""
    parts = (_FORBIDDEN_IN_KEY.sub("_", part) for part in text.split("/"))
    return "/".join(part if part.strip(".") else "_" for part in parts)


def finite_points(metrics: Mapping[str, float | None], seconds: float, step: int = 0) -> list[MetricPoint]:
    """The metrics as points; NaN, infinities and missing values left out (MLflow keeps inf as 1.8e308)."""
    return [
        MetricPoint(_key(name), float(value), milliseconds(seconds), step)
        for name, value in metrics.items()
        if value is not None and math.isfinite(value)
    ]


def shorten(text: str, characters: int) -> str:
    return text if len(text) <= characters else text[: characters - 1] + "…"


def sweep_params(sweep: TrackedSweep) -> dict[str, str]:
    """The spec's settings as ``section/key``; the search space, too long for a column, is in the artifact
    ``spec.yaml``.
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
    """Everything that the search chose, and the seed that it was tried with."""
    chosen = {f"hp/{name}": str(value) for name, value in trial.params.values.items()}
    return {_key(name): shorten(value, VALUE_CHARACTERS) for name, value in chosen.items()} | {
        "seed": str(trial.params.seed)
    }


def epoch_points(reports: Iterable[TimedReport]) -> list[MetricPoint]:
    """The curves of a trial, one point a metric and epoch."""
    return [
        point
        for seconds, report in reports
        for point in finite_points(
            {curve_key(name): value for name, value in report.metrics.items()}, seconds, report.step
        )
    ]


def curve_key(metric: str) -> str:
    """MLflow shows ``system/…`` on a page of its own."""
    return metric if metric.startswith(SYSTEM_PREFIX) else f"epoch/{metric}"


def final_points(update: TrialUpdate, objectives: Iterable[str]) -> list[MetricPoint]:
    """What the trial columns_of_result, at the time when it ended; nothing where it columns_of_result nothing."""
    trial = update.trial
    if trial.result is None or trial.ended_time is None:
        return []
    gaps = {f"gap/{name}_bits": bits for name, bits in update.gap_bits.items()}
    return finite_points({**final_metrics(trial.result, objectives), **gaps}, trial.ended_time)


def final_metrics(result: TrialResult, objectives: Iterable[str]) -> dict[str, float | None]:
    """What the trial columns_of_result; None where it is unknown."""
    columns = columns_of_result(tuple(result.test.metrics))
    return {
        **{f"obj/{name}": result.objective(name) for name in objectives},
        **{column.key: column.value(result) for column in columns if column.key},
        **{f"extra/{name}": value for name, value in result.extra.items()},
    }
