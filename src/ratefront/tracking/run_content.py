"""What a run shows a person: its name, keys, tags and notes. The same in every tracker.

Keys: ``hp/…`` what was searched, ``epoch/…`` curves, ``obj/…`` what the search saw (validation), ``test/…``
and ``rate/…`` measured on test, ``gap/…`` how far above each bound that is, ``cost/…`` what it takes, ``system/…`` what
the trial's process used meanwhile. Rates and gaps are bit/sample, accuracies fractions.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal, NamedTuple, TypeAlias

from ratefront.bounds import ORACLE
from ratefront.catalogue.datasets import dataset_name
from ratefront.columns import COSTS, ResultColumn, brief_value, columns_of_result, name_on_validation
from ratefront.history.sweep_history import TrialHistory
from ratefront.records import SYSTEM_PREFIX, Status, TrialResult, series_of
from ratefront.safe_text import plain_markdown
from ratefront.store.task_model_info import DatasetInfo
from ratefront.tracking.tracker_protocol import (
    Closing,
    Outcome,
    Standing,
    Surroundings,
    TimedReport,
    TrackedSweep,
    TrialNews,
)

RunStatus: TypeAlias = Literal["RUNNING", "FINISHED", "KILLED", "FAILED"]

#: How a trial's state appears in the column that MLflow has for it.
RUN_STATUS: Mapping[Status, RunStatus] = {
    "planned": "RUNNING",
    "running": "RUNNING",
    "finished": "FINISHED",
    "collapsed": "FINISHED",
    "pruned": "KILLED",
    "stopped": "KILLED",
    "failed": "FAILED",
}

SWEEP_STATUS: Mapping[Outcome, RunStatus] = {
    "finished": "FINISHED",
    "interrupted": "KILLED",
    "failed": "FAILED",
}

SWEEP_TAG = "sweep_id"
TRIAL_TAG = "trial_id"
NOTE_TAG = "mlflow.note.content"
COMMIT_TAG = "mlflow.source.git.commit"
SOURCE_TAGS: Mapping[str, str] = {"mlflow.source.name": "ratefront", "mlflow.source.type": "LOCAL"}
REASON_CHARACTERS = 500
DIGEST_CHARACTERS = 16
VALUE_CHARACTERS = 6000  # MLflow's limit of a parameter; a tag may hold 8000
_FORBIDDEN_IN_KEY = re.compile(r"[^\w\-. :]", re.ASCII)


class Point(NamedTuple):
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


def finite_points(metrics: Mapping[str, float | None], seconds: float, step: int = 0) -> list[Point]:
    """The metrics as points; NaN, infinities and missing values left out (MLflow keeps inf as 1.8e308)."""
    return [
        Point(_key(name), float(value), milliseconds(seconds), step)
        for name, value in metrics.items()
        if value is not None and math.isfinite(value)
    ]


def shorten(text: str, characters: int) -> str:
    return text if len(text) <= characters else text[: characters - 1] + "…"


def sweep_run_name(sweep: TrackedSweep) -> str:
    return f"{sweep.name} {time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(sweep.created_time))}"


def sweep_tags(sweep: TrackedSweep) -> dict[str, str]:
    return {
        SWEEP_TAG: sweep.identity,
        "sweep": sweep.name,
        "ratefront_version": sweep.ratefront_version,
        "status": "running",
        NOTE_TAG: opening_note(sweep),
        **SOURCE_TAGS,
    }


def surroundings_tags(surroundings: Surroundings) -> dict[str, str]:
    return {"folder": str(surroundings.folder), **made_from_tags(surroundings)}


def made_from_tags(surroundings: Surroundings | None) -> dict[str, str]:
    """The commit and the data set, as far as they are known."""
    if surroundings is None:
        return {}
    commit, dataset = surroundings.git_commit, surroundings.dataset
    return {
        **({COMMIT_TAG: commit} if commit else {}),
        **({"dataset": dataset.called} if dataset else {}),
    }


def closing_tags(closing: Closing) -> dict[str, str]:
    """How the sweep ended; its note stays as it was where there is no new one and nothing to explain.

    One that was interrupted keeps the reason for which it had failed before: it has not got over it yet.
    """
    reason = shorten(closing.reason, REASON_CHARACTERS)
    note = closing.note or (f"The sweep broke off: {plain_markdown(reason)}" if reason else "")
    shown = {NOTE_TAG: shorten(note, VALUE_CHARACTERS)} if note else {}
    why = {} if closing.outcome == "interrupted" else {"status_reason": reason}
    return {"status": closing.outcome, **why, **shown}


def opening_note(sweep: TrackedSweep) -> str:
    """Markdown for the page of a sweep that has no findings yet."""
    dataset, trials = sweep.spec.get("dataset"), sweep.spec.get("trials")
    about = [
        f"**{plain_markdown(sweep.name)}**",
        *([f"{trials} trials"] if trials else []),
        *([f"on {plain_markdown(dataset_name(dataset))}"] if dataset else []),
    ]
    return f"{' '.join(about)}; objectives: {plain_markdown(', '.join(sweep.objectives))}."


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


def dataset_fields(dataset: DatasetInfo) -> dict[str, str]:
    """A data set as MLflow describes one: every field is text, some of it JSON."""
    source = json.dumps({"name": dataset.name, **dataset.parameters}, sort_keys=True, default=str)
    shape = {"shape": dataset.shape, "classes": dataset.classes}
    return {
        "name": dataset.called,
        "digest": (dataset.digest or hashlib.sha256(source.encode()).hexdigest())[:DIGEST_CHARACTERS],
        "source_type": "ratefront",
        "source": source,
        "schema": json.dumps({name: value for name, value in shape.items() if value is not None}),
        "profile": json.dumps({"samples": dataset.samples or {}}),
    }


def trial_run_name(trial: TrialHistory) -> str:
    """``t0042 split conv2`` while it runs, then ``t0042 split conv2 8.1 bit 98.2 %`` (test values)."""
    values = trial.params.values
    parts = [
        trial.params.trial_id,
        trial.params.family,
        *([str(values["split"])] if "split" in values else []),
    ]
    if trial.result is not None:
        parts += [_bits(trial.result.test.rate_bits), _percent(trial.result.test.accuracy)]
    return " ".join(parts)


def _percent(share: float) -> str:
    return f"{share:.1%}".replace("%", " %")


def _bits(rate_bits: float) -> str:
    return f"{rate_bits:.1f} bit" if rate_bits >= 1 else f"{rate_bits:.2g} bit"


def trial_params(trial: TrialHistory) -> dict[str, str]:
    """Everything that the search chose, and the seed that it was tried with."""
    chosen = {f"hp/{name}": str(value) for name, value in trial.params.values.items()}
    return {_key(name): shorten(value, VALUE_CHARACTERS) for name, value in chosen.items()} | {
        "seed": str(trial.params.seed)
    }


def trial_tags(sweep: TrackedSweep, news: TrialNews, surroundings: Surroundings | None) -> dict[str, str]:
    """Tags as the trial stands now; ``status_reason`` is empty where there is nothing to explain."""
    trial = news.trial
    tags = {
        SWEEP_TAG: sweep.identity,
        TRIAL_TAG: trial.params.trial_id,
        "family": trial.params.family,
        "series": series_of(trial.params.values),
        "status": trial.status,
        "status_reason": shorten(trial.reason, REASON_CHARACTERS),
        NOTE_TAG: trial_note(news),
        **SOURCE_TAGS,
        **made_from_tags(surroundings),
        **standing_tags(news.standing),
    }
    if trial.attempts > 1:
        tags["attempts"] = str(trial.attempts)
    return tags


def standing_tags(standing: Standing | None) -> dict[str, str]:
    """``pareto`` and ``pareto_rank``, known once the front has settled."""
    if standing is None:
        return {}
    return {"pareto": str(standing.is_on_front).lower(), "pareto_rank": str(standing.rank)}


def epoch_points(reports: Iterable[TimedReport]) -> list[Point]:
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


def final_points(news: TrialNews, objectives: Iterable[str]) -> list[Point]:
    """What the trial measured, at the time when it ended; nothing where it measured nothing."""
    trial = news.trial
    if trial.result is None or trial.ended_time is None:
        return []
    gaps = {f"gap/{name}_bits": bits for name, bits in news.gap_bits.items()}
    return finite_points({**final_metrics(trial.result, objectives), **gaps}, trial.ended_time)


def final_metrics(result: TrialResult, objectives: Iterable[str]) -> dict[str, float | None]:
    """What the trial measured; None where it is unknown."""
    columns = columns_of_result(tuple(result.test.metrics))
    return {
        **{f"obj/{name}": result.objective(name) for name in objectives},
        **{column.key: column.value(result) for column in columns if column.key},
        **{f"extra/{name}": value for name, value in result.extra.items()},
    }


def trial_note(news: TrialNews) -> str:
    """Markdown for the page of a trial."""
    trial, values = news.trial, news.trial.params.values
    chosen = ", ".join(f"{name} {brief_value(value)}" for name, value in trial.params.own.items())
    parts = [
        f"**{trial.params.trial_id}** {trial.status}: {plain_markdown(series_of(values))}{_in_short(news)}",
        *([plain_markdown(chosen)] if chosen else []),
        *([f"Reason: {plain_markdown(trial.reason)}"] if trial.reason else []),
        *([] if trial.result is None else _measured(trial.result)),
        *_gap_table(news.gap_bits),
    ]
    return shorten("\n\n".join(parts), VALUE_CHARACTERS)


def _in_short(news: TrialNews) -> str:
    """What MLflow shows of a description before somebody asks for more."""
    if news.trial.result is None:
        return ""
    test, gap = news.trial.result.test, news.gap_bits.get(ORACLE)
    above = "" if gap is None else f", {gap:.2f} bit above the oracle"
    return f", {_bits(test.rate_bits)} at {_percent(test.accuracy)} on test{above}"


def _measured(result: TrialResult) -> list[str]:
    """What was measured on both splits as a table, and a sentence of what the codec costs."""
    columns = {column.name: column for column in columns_of_result(tuple(result.test.metrics))}
    pairs = [
        (column, columns[name_on_validation(name)])
        for name, column in columns.items()
        if name_on_validation(name) in columns
    ]
    rows = [_measured_row(test, (validation.value(result), test.value(result))) for test, validation in pairs]
    costs = ", ".join(_cost(column, result) for column in COSTS)
    return [
        "\n".join(["| | validation | test |", "|---|---|---|", *filter(None, rows)]),
        f"{_sentence(costs)}.",
    ]


def _measured_row(column: ResultColumn, values: Sequence[float | None]) -> str:
    """Empty where it is known of neither split."""
    if set(values) == {None}:
        return ""
    cells = ["–" if value is None else column.exact(value) for value in values]
    unit = f" ({column.unit})" if column.unit else ""
    return f"| {plain_markdown(column.heading)}{unit} | {' | '.join(cells)} |"


def _cost(column: ResultColumn, result: TrialResult) -> str:
    value = column.value(result)
    if value is None:
        return f"{column.heading} unknown ({plain_markdown(column.unknown(result))})"
    return f"{column.heading} {column.exact(value)}"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _gap_table(gap_bits: Mapping[str, float]) -> list[str]:
    if not gap_bits:
        return []
    rows = [f"| {plain_markdown(name.replace('_', ' '))} | {bits:+.3f} |" for name, bits in gap_bits.items()]
    return ["\n".join(["| bound, at this accuracy on test | bits above it |", "|---|---|", *rows])]
