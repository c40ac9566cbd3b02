"""What a run shows a person: its name, keys, tags and notes. The same in every tracker.

Keys: ``hp/…`` what was searched, ``epoch/…`` curves, ``obj/…`` what the search saw (validation), ``test/…``
and ``rate/…`` measured on test, ``cost/…`` what it takes. Rates are bit/sample, accuracies fractions.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple, TypeAlias

from ratefront.history import TrialHistory
from ratefront.records import Status, TrialResult, series_of
from ratefront.text import plain_markdown
from ratefront.tracking.protocol import Closing, Reading, TrackedSweep

RunStatus: TypeAlias = Literal["RUNNING", "FINISHED", "KILLED", "FAILED"]

#: How a trial's state appears in the column that MLflow has for it.
RUN_STATUS: Mapping[Status, RunStatus] = {
    "planned": "RUNNING",
    "running": "RUNNING",
    "finished": "FINISHED",
    "collapsed": "FINISHED",
    "pruned": "KILLED",
    "failed": "FAILED",
}

SWEEP_TAG = "sweep_id"
TRIAL_TAG = "trial_id"
NOTE_TAG = "mlflow.note.content"
REASON_CHARACTERS = 500
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
    }


def closing_tags(closing: Closing) -> dict[str, str]:
    note = {NOTE_TAG: shorten(closing.note, VALUE_CHARACTERS)} if closing.note else {}
    return {"status": "interrupted" if closing.interrupted else "finished", **note}


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


def trial_run_name(trial: TrialHistory) -> str:
    """``t0042 split conv2`` while it runs, then ``t0042 split conv2 8.1 bit 98.2 %`` (test values)."""
    values = trial.params.values
    parts = [
        trial.params.trial_id,
        trial.params.family,
        *([str(values["split"])] if "split" in values else []),
    ]
    if trial.result is not None:
        parts += [_bits(trial.result.test.rate_bits), f"{trial.result.test.accuracy:.1%}".replace("%", " %")]
    return " ".join(parts)


def _bits(rate_bits: float) -> str:
    return f"{rate_bits:.1f} bit" if rate_bits >= 1 else f"{rate_bits:.2g} bit"


def trial_params(trial: TrialHistory) -> dict[str, str]:
    """Everything that the search chose, and the seed that it was tried with."""
    chosen = {f"hp/{name}": str(value) for name, value in trial.params.values.items()}
    return {_key(name): shorten(value, VALUE_CHARACTERS) for name, value in chosen.items()} | {
        "seed": str(trial.params.seed)
    }


def trial_tags(sweep: TrackedSweep, trial: TrialHistory) -> dict[str, str]:
    """Tags as the trial stands now; ``status_reason`` is empty where there is nothing to explain."""
    tags = {
        SWEEP_TAG: sweep.identity,
        TRIAL_TAG: trial.params.trial_id,
        "family": trial.params.family,
        "series": series_of(trial.params.values),
        "status": trial.status,
        "status_reason": shorten(trial.reason, REASON_CHARACTERS),
        NOTE_TAG: trial_note(trial) if trial.ended else "",  # one that is tried again has not ended after all
    }
    if trial.attempts > 1:
        tags["attempts"] = str(trial.attempts)
    return tags


def front_tag(is_on_front: bool, known: str | None) -> dict[str, str]:
    """``pareto``: true on the front; false only where an earlier front said otherwise."""
    if is_on_front:
        return {"pareto": "true"}
    return {} if known is None else {"pareto": "false"}


def epoch_points(readings: Iterable[Reading]) -> list[Point]:
    """The curves of a trial, one point a metric and epoch."""
    return [
        point
        for reading in readings
        for point in finite_points(
            {f"epoch/{name}": value for name, value in reading.metrics.items()}, reading.time, reading.step
        )
    ]


def final_points(trial: TrialHistory, objectives: Sequence[str]) -> list[Point]:
    """What the trial measured, at the time when it ended; nothing where it measured nothing."""
    if trial.result is None or trial.ended_time is None:
        return []
    return finite_points(final_metrics(trial.result, objectives), trial.ended_time)


def final_metrics(result: TrialResult, objectives: Sequence[str]) -> dict[str, float]:
    test = result.test
    return {
        **{f"obj/{name}": result.objective(name) for name in objectives},
        "test/rate_bits": test.rate_bits,
        "test/accuracy": test.accuracy,
        "rate/estimated_bits": test.rate_bits_estimated,
        "rate/alone_bits": test.rate_bits_alone,
        "rate/overhead_bits": test.overhead_bits,
        "rate/total_bits": test.rate_total_bits,
        "cost/transmitter_bytes": result.transmitter_bytes,
        "cost/transmitter_macs": result.transmitter_macs,
        "cost/encode_ms": result.encode_ms,
        "cost/train_seconds": result.train_seconds,
        **{f"extra/{name}": value for name, value in result.extra.items()},
    }


def trial_note(trial: TrialHistory) -> str:
    """Markdown for the page of an ended trial."""
    lines = [f"**{trial.params.trial_id}** {trial.status} ({series_of(trial.params.values)})"]
    if trial.reason:
        lines.append(f"Reason: {plain_markdown(trial.reason)}")
    if trial.result is not None:
        lines.append(_measured_table(trial.result))
    return shorten("\n\n".join(lines), VALUE_CHARACTERS)


def _measured_table(result: TrialResult) -> str:
    validation, test = result.validation, result.test
    return "\n".join(
        [
            "| | validation | test |",
            "|---|---|---|",
            f"| rate (bit/sample) | {validation.rate_bits:.3f} | {test.rate_bits:.3f} |",
            f"| accuracy | {validation.accuracy:.2%} | {test.accuracy:.2%} |",
            "",
            f"Transmitter {result.transmitter_bytes:,} bytes, encoding {result.encode_ms:.3g} ms a sample, "
            f"training {result.train_seconds:.1f} s.",
        ]
    )
