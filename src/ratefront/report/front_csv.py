"""``front.csv``: one row for every trial on the front, with its gaps to the bounds."""

from __future__ import annotations

from itertools import chain

from ratefront.columns import FRONT_COLUMNS, SEED_COLUMNS, FrontColumn, Row, TrialColumn, gap_columns
from ratefront.report.sweep_view import MeasuredTrial, SweepView
from ratefront.store.views.trials_csv import (
    columns_of_sweep,
    other_parameters,
    parameters_of,
    row_of,
    seed_cells,
    to_csv,
)


def front_columns(view: SweepView) -> tuple[str, ...]:
    """Return the names of the columns of ``front.csv``.

    The columns of every sweep and its metrics come first, then those of fresh seeds, then the gap in bit/sample and the
    ratio to every drawn bound, then other parameters by name.
    """
    return (*_fixed_names(view), *_other_parameters(view))


def front_rows(view: SweepView) -> list[Row]:
    """Return the rows of ``front.csv``, one for each point of the front, by rising test rate.

    All rows have the keys ``front_columns``. A cell that does not apply is None.
    """
    trial_columns, own_columns, others = _trial_columns(view), _own_columns(view), _other_parameters(view)

    def row(measured: MeasuredTrial) -> Row:
        own_cells: Row = {column.name: column.value(measured) for column in own_columns}
        seeds = seed_cells(measured.fresh_seeds)
        return (
            row_of(measured.trial, trial_columns) | seeds | own_cells | parameters_of(measured.trial, others)
        )

    return [row(measured) for measured in view.front]


def _trial_columns(view: SweepView) -> list[TrialColumn]:
    """Return the columns that ``front.csv`` shares with ``trials.csv``, apart from parameters."""
    return [column for column in columns_of_sweep(view.spec) if column.table != "trials"]


def _own_columns(view: SweepView) -> list[FrontColumn]:
    """Return the columns that only ``front.csv`` has."""
    return [*FRONT_COLUMNS, *chain.from_iterable(map(gap_columns, view.bound_names))]


def _other_parameters(view: SweepView) -> dict[str, str]:
    return other_parameters((measured.trial for measured in view.front), _fixed_names(view))


def _fixed_names(view: SweepView) -> list[str]:
    return [
        *(column.name for column in _trial_columns(view)),
        *(column.name for column in SEED_COLUMNS),
        *(column.name for column in _own_columns(view)),
    ]


def front_csv(view: SweepView) -> str:
    """Return the text of ``front.csv``; an empty front gives the header alone."""
    return to_csv(front_rows(view), front_columns(view))
