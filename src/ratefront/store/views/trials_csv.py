"""``trials.csv``: one row for every trial that has ended. ``ratefront.columns`` describes its columns."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ratefront.columns import (
    MAIN_PARAMETERS,
    SEED_COLUMNS,
    FreshSeeds,
    Row,
    TrialColumn,
    TrialLike,
    column_named,
    columns_of_trial,
    constraints_column,
)
from ratefront.history.sweep_history import SweepHistory, TrialHistory
from ratefront.safe_text import visible
from ratefront.spec.goals.constraints import recorded_constraints
from ratefront.store.views.fresh_seeds import fresh_seeds_of
from ratefront.store.views.front_trials import meets_constraints
from ratefront.trial_records import ENDED, metric_names

#: How a text begins that spreadsheets take for a formula (some also with full-width signs), or that hides one.
_FORMULA_BEGINS = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "\t", "\n")


def trial_columns(history: SweepHistory) -> tuple[str, ...]:
    """The names of the columns of ``trials.csv``: those of every sweep, the metrics, the other parameters by name."""
    columns = _columns(history)
    seeds = (column.name for column in SEED_COLUMNS)
    return (*(column.name for column in columns), *seeds, *_others(history, columns))


def trial_rows(history: SweepHistory) -> list[Row]:
    """The rows of ``trials.csv``: one for every trial that has ended, in the order of planning.

    All rows have the keys ``trial_columns``. A cell that does not apply is None.
    """
    columns, fresh_seeds = _columns(history), fresh_seeds_of(history)
    others = _others(history, columns)
    return [
        row_of(trial, columns)
        | seed_cells(fresh_seeds.get(trial.params.trial_id))
        | parameters_of(trial, others)
        for trial in _ended(history)
    ]


def seed_cells(fresh: FreshSeeds | None) -> Row:
    """The cells of ``SEED_COLUMNS``, empty where no fresh seed was measured."""
    return {column.name: None if fresh is None else column.value(fresh) for column in SEED_COLUMNS}


def _ended(history: SweepHistory) -> list[TrialHistory]:
    return sorted(history.with_status(*ENDED), key=lambda trial: trial.number)


def _columns(history: SweepHistory) -> list[TrialColumn]:
    return [column for column in columns_of_sweep(history.spec) if column.table != "front"]


def columns_of_sweep(spec: Mapping[str, Any]) -> list[TrialColumn]:
    """The columns of a sweep's trials: with its own metrics, and where its file has constraints, who meets them."""
    columns, constraints = columns_of_trial(metric_names(spec)), recorded_constraints(spec)
    if not constraints:
        return [*columns]
    return [*columns, constraints_column(lambda trial: meets_constraints(trial, constraints))]


def _others(history: SweepHistory, columns: Iterable[TrialColumn]) -> dict[str, str]:
    names = [*(column.name for column in columns), *(column.name for column in SEED_COLUMNS)]
    return other_parameters(_ended(history), names)


def other_parameters(trials: Iterable[TrialLike], taken: Iterable[str]) -> dict[str, str]:
    """The parameters that not every sweep has, by the name of their column.

    A parameter whose name is already that of a column has the column ``params.NAME``.
    """
    names = {name for trial in trials for name in trial.params.values} - set(MAIN_PARAMETERS)
    columns = set(taken)
    return {f"params.{name}" if name in columns else name: name for name in sorted(names)}


def row_of(trial: TrialLike, columns: Iterable[TrialColumn]) -> Row:
    """The cells of these columns for a trial."""
    return {column.name: column.value(trial) for column in columns}


def row_of_named(trial: TrialLike, names: Iterable[str], metrics: tuple[str, ...] = ()) -> Row:
    """The cells of the columns with these names; ``metrics`` are the sweep's own, which may be among them."""
    return row_of(trial, (column_named(name, metrics) for name in names))


def parameters_of(trial: TrialLike, others: Mapping[str, str]) -> Row:
    """The cells of the parameters that not every sweep has (see ``other_parameters``)."""
    return {column: trial.params.values.get(name) for column, name in others.items()}


def to_csv(rows: Iterable[Mapping[str, object]], columns: Sequence[str]) -> str:
    """The rows as CSV with a header. None is an empty cell; floats keep every digit.

    A text that a spreadsheet would take for a formula has an apostrophe in front. Control characters are escaped.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(map(_cell, columns))
    writer.writerows([_cell(row[column]) for column in columns] for row in rows)
    return text.getvalue()


def _cell(value: object) -> object:
    if not isinstance(value, str):
        return value
    text = visible(value)
    return f"'{text}" if text.startswith(_FORMULA_BEGINS) else text


def trials_csv(history: SweepHistory) -> str:
    """The content of ``trials.csv``; only the header where no trial has ended."""
    return to_csv(trial_rows(history), trial_columns(history))
