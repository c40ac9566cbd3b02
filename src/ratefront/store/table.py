"""``trials.csv``: one row for every trial that has ended. Columns without a suffix are measured on test."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

from ratefront.history import SweepHistory, TrialHistory
from ratefront.records import ENDED, TrialResult

Cell: TypeAlias = bool | int | float | str | None
Row: TypeAlias = dict[str, Cell]

COLUMNS = (
    "trial_id",
    "status",
    "reason",
    "attempts",
    "error",
    "family",
    "split",
    "beta",
    "rate_bits",
    "rate_bits_estimated",
    "rate_bits_alone",
    "rate_total_bits",
    "overhead_bits",
    "accuracy",
    "rate_bits_validation",
    "accuracy_validation",
    "transmitter_bytes",
    "encode_ms",
    "train_seconds",
)


def trial_rows(history: SweepHistory) -> list[Row]:
    """A row for every trial that has ended, in the order of planning: ``COLUMNS``, then every other
    parameter by name.

    All rows have the same keys; a cell that does not apply is None.
    """
    ended = sorted(history.with_status(*ENDED), key=lambda trial: trial.number)
    others = sorted({name for trial in ended for name in trial.params.values} - set(COLUMNS))
    return [_row(trial, others) for trial in ended]


def _row(trial: TrialHistory, others: Iterable[str]) -> Row:
    values = trial.params.values
    row: Row = dict.fromkeys(COLUMNS)
    row |= {"trial_id": trial.params.trial_id, "status": trial.status, "reason": trial.reason}
    row |= {"attempts": trial.attempts, "error": trial.error if trial.status == "failed" else None}
    row |= {name: values.get(name) for name in ("family", "split", "beta")}
    if trial.result is not None:
        row |= _measured(trial.result)
    return row | {name: values.get(name) for name in others}


def _measured(result: TrialResult) -> Row:
    test, validation = result.test, result.validation
    return {
        "rate_bits": test.rate_bits,
        "rate_bits_estimated": test.rate_bits_estimated,
        "rate_bits_alone": test.rate_bits_alone,
        "rate_total_bits": test.rate_total_bits,
        "overhead_bits": test.overhead_bits,
        "accuracy": test.accuracy,
        "rate_bits_validation": validation.rate_bits,
        "accuracy_validation": validation.accuracy,
        "transmitter_bytes": result.transmitter_bytes,
        "encode_ms": result.encode_ms,
        "train_seconds": result.train_seconds,
    }


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
