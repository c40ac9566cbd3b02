"""What decided each objective, in words: the rows of a small table on the page and in the Markdown note."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ratefront.columns import column_named
from ratefront.store.views.parameter_importance import FamilyImportance, Importance
from ratefront.trial_records import metric_names

#: How many parameters of a family are named in words.
NAMED_PARAMETERS = 5


def importance_rows(importance: Importance, spec: Mapping[str, Any]) -> list[tuple[str, str, str, str]]:
    """Return objective, family, number of trials, and the family's parameters with their importance.

    The first row of an objective is that of the family itself, beside all parameters. Without a finished trial there
    is no row.
    """
    metrics = metric_names(spec)
    rows: list[tuple[str, str, str, str]] = []
    for name, found in importance.objectives.items():
        heading = column_named(name, metrics).heading
        if len(found.families) > 1:
            of_family = found.reason if found.family is None else f"family {found.family:.2f}"
            rows.append((heading, "all", str(found.trials), of_family))
        rows += [
            (heading, family, str(each.trials), _parameters_in_words(each))
            for family, each in found.families.items()
        ]
    return rows


def _parameters_in_words(importance: FamilyImportance) -> str:
    if importance.parameters is None:
        return importance.reason
    named = [f"{name} {value:.2f}" for name, value in importance.parameters.items()]
    rest = len(named) - NAMED_PARAMETERS
    return ", ".join([*named[:NAMED_PARAMETERS], *([f"{rest} more"] if rest > 0 else [])])
