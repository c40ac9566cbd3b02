"""The names that no metric of a sweep file may have: each is a column of its results already."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields

from ratefront.catalogue import Catalogue
from ratefront.records import OBJECTIVES, Measurement, TrialResult

#: Columns of the tables; to be taken from where a result's columns are made.
_COLUMNS = frozenset(
    {
        *(field.name for kind in (Measurement, TrialResult) for field in fields(kind)),
        *(f"{name}_validation" for name in ("rate_bits", "accuracy")),
        *("number", "attempts", "error", "seed", "family", "series", "pareto", "rank"),
    }
)


def taken_names(catalogue: Catalogue) -> Mapping[str, str]:
    """name → what has it."""
    parameters = {
        name: f"a parameter of the family {family}"
        for family in catalogue.families
        for name in catalogue.families[family].parameters.model_fields
    }
    return (
        parameters
        | dict.fromkeys(_COLUMNS, "a column of every result")
        | dict.fromkeys(OBJECTIVES, "an objective")
    )
