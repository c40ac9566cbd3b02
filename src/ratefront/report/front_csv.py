"""``front.csv``: one row for every trial on the front, with its gaps to the bounds."""

from __future__ import annotations

from itertools import chain

from ratefront.columns import FRONT_COLUMNS, FrontColumn, Row, TrialColumn, columns_of_trial, gap_columns
from ratefront.report.sweep_view import MeasuredTrial, SweepView
from ratefront.store.views.trials_csv import other_parameters, parameters_of, row_of, to_csv
from ratefront.trial_records import metric_names


def front_columns(view: SweepView) -> tuple[str, ...]:
    """Return the names of the columns of ``front.csv``.

    The columns of every sweep and its metrics come first, then the gap in bit/sample and the ratio to every drawn
    bound, then other parameters by name.
    """
    return (*_names(view), *_others(view))


def front_rows(view: SweepView) -> list[Row]:
    """Return what ``front.csv`` says of each point of the front, by rising test rate.

    All rows have the keys ``front_columns``. A cell that does not apply is None.
    """
    of_each, of_front, others = _of_trial(view), _of_front(view), _others(view)

    def row(measured: MeasuredTrial) -> Row:
        on_front: Row = {column.name: column.value(measured) for column in of_front}
        return row_of(measured.trial, of_each) | on_front | parameters_of(measured.trial, others)

    return [row(measured) for measured in view.front]


def _of_trial(view: SweepView) -> list[TrialColumn]:
    return [column for column in columns_of_trial(metric_names(view.spec)) if column.table != "trials"]


def _of_front(view: SweepView) -> list[FrontColumn]:
    return [*FRONT_COLUMNS, *chain.from_iterable(map(gap_columns, view.bound_names))]


def _others(view: SweepView) -> dict[str, str]:
    return other_parameters((measured.trial for measured in view.front), _names(view))


def _names(view: SweepView) -> list[str]:
    return [*(column.name for column in _of_trial(view)), *(column.name for column in _of_front(view))]


def front_csv(view: SweepView) -> str:
    """Return the text of ``front.csv``; an empty front gives the header alone."""
    return to_csv(front_rows(view), front_columns(view))
