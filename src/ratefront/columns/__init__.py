"""The columns of a trial and of its result, described once for every file, table, page and tracker."""

from __future__ import annotations

from ratefront.columns.column import Cell, Column, Row
from ratefront.columns.number_formats import NARROW, brief, kibibytes, number, percent
from ratefront.columns.result_columns import (
    COSTS,
    TEST_ONLY,
    OfResult,
    measured,
    name_on_validation,
    of_split,
)
from ratefront.columns.trial_columns import (
    MAIN_PARAMETERS,
    OF_FRONT,
    OfFront,
    OfTrial,
    OnFront,
    Trial,
    gap_columns,
    of_trial,
)

__all__ = [
    "COSTS",
    "MAIN_PARAMETERS",
    "NAMES",
    "NARROW",
    "OF_FRONT",
    "TEST_ONLY",
    "Cell",
    "Column",
    "OfFront",
    "OfResult",
    "OfTrial",
    "OnFront",
    "Row",
    "Trial",
    "brief",
    "gap_columns",
    "is_taken",
    "kibibytes",
    "measured",
    "name_on_validation",
    "named",
    "number",
    "of_split",
    "of_trial",
    "percent",
    "tracker_key",
]

#: What every sweep's tables have: no metric may be called so.
NAMES = frozenset([*(column.name for column in of_trial()), *(column.name for column in OF_FRONT)])

#: What the names of further columns begin with.
_PREFIXES = ("params.", "gap_bits", "gap_ratio")

#: What a point of the front in JSON has beside its columns.
_BESIDE = frozenset({"params", "gap_bits"})


def is_taken(metric: str) -> bool:
    """True where every sweep's tables already have what a metric of this name, or its column of validation, would be
    called.
    """
    names = {metric, name_on_validation(metric)}
    return bool(names & (NAMES | _BESIDE)) or metric.startswith(_PREFIXES)


def named(name: str, metrics: tuple[str, ...] = ()) -> OfTrial:
    """The column of this name; a KeyError where there is none."""
    return {column.name: column for column in of_trial(metrics)}[name]


def tracker_key(name: str) -> str:
    """The key in trackers of what is called so in the tables; one that is no column of every sweep is a metric."""
    return named(name, () if name in NAMES else (name,)).key
