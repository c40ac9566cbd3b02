"""``trials.csv``: one row for every trial that has ended. Columns without a suffix are measured on test."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter
from typing import TypeAlias

from ratefront.history import SweepHistory, TrialHistory
from ratefront.records import ENDED

Cell: TypeAlias = bool | int | float | str | None
Row: TypeAlias = dict[str, Cell]

#: What a trial was tried with; its other parameters follow at the end, by name.
_TRIED = ("seed", "family", "split", "beta")

#: What it measured: column → where a result has it.
MEASURED: Mapping[str, str] = {
    "rate_bits": "test.rate_bits",
    "rate_bits_estimated": "test.rate_bits_estimated",
    "rate_bits_alone": "test.rate_bits_alone",
    "rate_total_bits": "test.rate_total_bits",
    "overhead_bits": "test.overhead_bits",
    "accuracy": "test.accuracy",
    "rate_bits_validation": "validation.rate_bits",
    "accuracy_validation": "validation.accuracy",
    "transmitter_bytes": "transmitter_bytes",
    "transmitter_macs": "transmitter_macs",
    "encode_ms": "encode_ms",
    "train_seconds": "train_seconds",
}

COLUMNS = ("trial_id", "status", "reason", "attempts", "error", *_TRIED, *MEASURED)


def trial_rows(history: SweepHistory) -> list[Row]:
    """A row for every trial that has ended, in the order of planning: ``COLUMNS``, then every other
    parameter by name.

    All rows have the same keys; a cell that does not apply is None.
    """
    ended = sorted(history.with_status(*ENDED), key=lambda trial: trial.number)
    others = other_parameters(ended, COLUMNS)
    return [_row(trial, others) for trial in ended]


def _row(trial: TrialHistory, others: Mapping[str, str]) -> Row:
    row: Row = dict.fromkeys(COLUMNS)
    row |= {"status": trial.status, "reason": trial.reason, "attempts": trial.attempts}
    row |= {"error": trial.error if trial.status == "failed" else None}
    return row | cells_of(trial, others)


def other_parameters(trials: Iterable[TrialHistory], taken: Iterable[str]) -> dict[str, str]:
    """column → parameter, of all parameters but the main ones; one that is called as a column is, ``params.NAME``."""
    names = {name for trial in trials for name in trial.params.values} - set(_TRIED[1:])
    columns = set(taken)
    return {f"params.{name}" if name in columns else name: name for name in sorted(names)}


def cells_of(trial: TrialHistory, others: Mapping[str, str]) -> Row:
    """What every table says of a trial: seed, every parameter, and what it measured where it has a result."""
    params = trial.params
    row: Row = {"trial_id": params.trial_id, "seed": params.seed}
    row |= {name: params.values.get(name) for name in _TRIED[1:]}
    for column, place in MEASURED.items():
        row[column] = None if trial.result is None else attrgetter(place)(trial.result)
    return row | {column: params.values.get(name) for column, name in others.items()}


def to_csv(rows: Iterable[Mapping[str, Cell]], columns: Sequence[str]) -> str:
    """Rows as CSV with a header; None is an empty cell, floats keep every digit."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def trials_csv(history: SweepHistory) -> str:
    """The whole of ``trials.csv``; the header alone where no trial has ended."""
    rows = trial_rows(history)
    return to_csv(rows, list(rows[0]) if rows else COLUMNS)
