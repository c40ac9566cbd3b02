"""``front.csv``: one row for every trial on the front, with its gaps to the bounds."""

from __future__ import annotations

from itertools import chain

from ratefront.columns import OF_FRONT, OfFront, OfTrial, Row, gap_columns, of_trial
from ratefront.records import metric_names
from ratefront.report.sweep_view import MeasuredTrial, SweepView
from ratefront.store.views.trials_csv import other_parameters, parameters_of, row_of, to_csv


def front_columns(view: SweepView) -> tuple[str, ...]:
    """The names of the columns of ``front.csv``: those of every sweep and its metrics, gap in bit/sample and ratio to
    every drawn bound, then its other parameters by name.
    """
    return (*_names(view), *_others(view))


def front_rows(view: SweepView) -> list[Row]:
    """A row for each point of the front, by rate on test: what ``front.csv`` says of it.

    All rows have the keys ``front_columns``; a cell that does not apply is None. Nothing is drawn.
    """
    of_each, of_front, others = _of_trial(view), _of_front(view), _others(view)

    def row(place: MeasuredTrial) -> Row:
        on_front: Row = {column.name: column.value(place) for column in of_front}
        return row_of(place.trial, of_each) | on_front | parameters_of(place.trial, others)

    return [row(place) for place in view.front]


def _of_trial(view: SweepView) -> list[OfTrial]:
    return [column for column in of_trial(metric_names(view.spec)) if column.table != "trials"]


def _of_front(view: SweepView) -> list[OfFront]:
    return [*OF_FRONT, *chain.from_iterable(map(gap_columns, view.bound_names))]


def _others(view: SweepView) -> dict[str, str]:
    return other_parameters((place.trial for place in view.front), _names(view))


def _names(view: SweepView) -> list[str]:
    return [*(column.name for column in _of_trial(view)), *(column.name for column in _of_front(view))]


def front_csv(view: SweepView) -> str:
    """The whole of ``front.csv``; the header alone where the front is empty."""
    return to_csv(front_rows(view), front_columns(view))
