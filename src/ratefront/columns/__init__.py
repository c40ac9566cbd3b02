"""The columns of a trial and of its result, described once for every file, table, page and tracker.

Others import from this module: the descriptions, and how numbers are written for people. A new column is added here and
appears everywhere. The history, the store, the report and trackers must not be imported here.
"""

from __future__ import annotations

from ratefront.columns.accuracy_interval import CONFIDENCE, accuracy_interval
from ratefront.columns.column import Cell, Column, Row
from ratefront.columns.number_formats import NO_BREAK_SPACE, brief_value, kibibytes, number_format, percent
from ratefront.columns.result_columns import (
    COSTS,
    TEST_ONLY,
    ResultColumn,
    columns_of_result,
    columns_of_split,
    name_on_validation,
)
from ratefront.columns.seed_columns import SEED_COLUMNS, FreshSeeds, SeedColumn, Spread
from ratefront.columns.trial_columns import (
    FRONT_COLUMNS,
    MAIN_PARAMETERS,
    MEETS_CONSTRAINTS,
    FrontColumn,
    FrontPlace,
    TrialColumn,
    TrialLike,
    columns_of_trial,
    constraints_column,
    gap_columns,
)

__all__ = [
    "COLUMN_NAMES",
    "CONFIDENCE",
    "COSTS",
    "FRONT_COLUMNS",
    "MAIN_PARAMETERS",
    "MEETS_CONSTRAINTS",
    "NO_BREAK_SPACE",
    "SEED_COLUMNS",
    "TEST_ONLY",
    "Cell",
    "Column",
    "FreshSeeds",
    "FrontColumn",
    "FrontPlace",
    "ResultColumn",
    "Row",
    "SeedColumn",
    "Spread",
    "TrialColumn",
    "TrialLike",
    "accuracy_interval",
    "brief_value",
    "column_named",
    "columns_of_result",
    "columns_of_split",
    "columns_of_trial",
    "constraints_column",
    "gap_columns",
    "is_reserved_name",
    "kibibytes",
    "name_on_validation",
    "number_format",
    "percent",
    "tracker_key",
]

#: The names of the columns that sweeps' tables have, whatever their metrics. No metric may have one of these names.
COLUMN_NAMES = frozenset(
    [
        *(column.name for column in columns_of_trial()),
        *(column.name for column in SEED_COLUMNS),
        *(column.name for column in FRONT_COLUMNS),
        MEETS_CONSTRAINTS,
    ]
)

#: What the names of the other columns begin with.
_PREFIXES = ("params.", "gap_bits", "gap_ratio")

#: The keys of a point of the front in JSON that are no columns.
_BESIDE = frozenset({"params", "gap_bits"})

#: What a trial reports of its training, which early stopping must not take for a metric of the same name.
_REPORTED = frozenset({"loss"})


def is_reserved_name(metric: str) -> bool:
    """Whether the name of a metric, or that of its column for validation, is already used in every sweep's tables."""
    names = {metric, name_on_validation(metric)}
    return bool(names & (COLUMN_NAMES | _BESIDE | _REPORTED)) or metric.startswith(_PREFIXES)


def column_named(name: str, metrics: tuple[str, ...] = ()) -> TrialColumn:
    """The column of this name.

    Raises:
        KeyError: There is none.
    """
    return {column.name: column for column in columns_of_trial(metrics)}[name]


def tracker_key(name: str) -> str:
    """The key in trackers of the column with this name. A name that not every sweep has is that of a metric."""
    return column_named(name, () if name in COLUMN_NAMES else (name,)).key
