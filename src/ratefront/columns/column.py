"""What a column is: its name, where its value is found, and how people see it, in every table and tracker."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, Generic, Literal, TypeAlias, TypeVar

Cell: TypeAlias = bool | int | float | str | None
Row: TypeAlias = dict[str, Cell]

Holder = TypeVar("Holder")
Value_co = TypeVar("Value_co", covariant=True)
Whole = TypeVar("Whole")


def _no_reason(_: Any) -> str:
    return ""


@dataclass(frozen=True)
class Column(Generic[Holder, Value_co]):
    """One column of a table of trials.

    Attributes:
        name: As in ``trials.csv``.
        heading: In tables for people.
        value: Reads the value from what holds it; None is an empty cell.
        meaning: One sentence in Markdown, without its full stop.
        unit: Empty where there is none.
        brief: Writes the value in a table of many trials.
        exact: Writes the value on the page of one trial.
        key: The key of the metric in MLflow and Optuna; empty where they do not have it.
        table: The file that has the column: ``trials.csv``, ``front.csv``, or both.
        unknown: Says why the value is None, where that is known.
    """

    name: str
    heading: str
    value: Callable[[Holder], Value_co]
    meaning: str
    unit: str = ""
    brief: Callable[[Any], str] = str
    exact: Callable[[Any], str] = str
    key: str = ""
    table: Literal["both", "trials", "front"] = "both"
    unknown: Callable[[Holder], str] = _no_reason

    @property
    def is_time(self) -> bool:
        """True where two runs of the same work measure different values."""
        return self.unit.split("/")[0] in ("ms", "s")

    def within(
        self, part: Callable[[Whole], Holder | None], **changes: Any
    ) -> Column[Whole, Value_co | None]:
        """The same column of a whole that has the holder as a part; empty where the whole lacks that part."""

        def value(whole: Whole) -> Value_co | None:
            holder = part(whole)
            return None if holder is None else self.value(holder)

        def unknown(whole: Whole) -> str:
            holder = part(whole)
            return "" if holder is None else self.unknown(holder)

        same = {item.name: getattr(self, item.name) for item in fields(self)}
        return Column(**{**same, "value": value, "unknown": unknown, **changes})
