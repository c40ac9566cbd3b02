"""What a column is, in every table and tracker: its name, where its value lies, and how people see it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, Generic, Literal, TypeAlias, TypeVar

Cell: TypeAlias = bool | int | float | str | None
Row: TypeAlias = dict[str, Cell]

Holder = TypeVar("Holder")
Value_co = TypeVar("Value_co", covariant=True)
Whole = TypeVar("Whole")


def _not_said(_: Any) -> str:
    return ""


@dataclass(frozen=True)
class Column(Generic[Holder, Value_co]):
    """One column of a table of trials.

    name     as ``trials.csv`` has it
    heading  in tables for people
    value    where its source has it; None is an empty cell
    meaning  one sentence in Markdown, without its full stop
    unit     empty where it has none
    brief    its value in a table of many trials; ``exact``: on the page of one
    key      the metric's in MLflow and Optuna; empty where they have none
    table    the one file that has it, ``trials.csv`` or ``front.csv``, or ``both``
    unknown  why the value is None, where the source can tell
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
    unknown: Callable[[Holder], str] = _not_said

    @property
    def is_time(self) -> bool:
        """True where two runs of the same work measure different values."""
        return self.unit.split("/")[0] in ("ms", "s")

    def within(
        self, part: Callable[[Whole], Holder | None], **changes: Any
    ) -> Column[Whole, Value_co | None]:
        """The same column of what has the source as a part; empty where it lacks that part."""

        def value(whole: Whole) -> Value_co | None:
            source = part(whole)
            return None if source is None else self.value(source)

        def unknown(whole: Whole) -> str:
            source = part(whole)
            return "" if source is None else self.unknown(source)

        same = {item.name: getattr(self, item.name) for item in fields(self)}
        return Column(**{**same, "value": value, "unknown": unknown, **changes})
