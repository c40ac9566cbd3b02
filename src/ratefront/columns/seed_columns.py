"""The columns of a trial that show its configuration's luck: what fresh seeds of the same configuration measured."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import fmean
from typing import Any, NamedTuple, Self, TypeAlias

from ratefront.columns.column import Cell, Column
from ratefront.columns.number_formats import number_format, percent
from ratefront.columns.result_columns import BIT


class Spread(NamedTuple):
    """Mean, least and greatest value of a quantity. Of a few values that is all: no interval follows from three."""

    mean: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Self:
        """The spread of at least one value."""
        return cls(fmean(values), min(values), max(values))


class FreshSeeds(NamedTuple):
    """What trials of one configuration measured on test, without the trial that is shown and the one that selected it.

    Attributes:
        seeds: How many trials there are.
        rate_bits: Their rates in bit/sample.
        accuracy: Their accuracies, in [0, 1].
    """

    seeds: int
    rate_bits: Spread
    accuracy: Spread


SeedColumn: TypeAlias = Column[FreshSeeds, Cell]

_WHICH = (("mean", "mean"), ("min", "least"), ("max", "greatest"))


def _spread_columns(
    name: str, unit: str, form: Callable[[Any], str], spread: Callable[[FreshSeeds], Spread]
) -> list[SeedColumn]:
    def column(place: int, suffix: str, which: str) -> SeedColumn:
        return Column(
            f"{name}_{suffix}",
            f"{name} {suffix}",
            lambda fresh: spread(fresh)[place],
            f"{which} `{name}` of these seeds",
            unit,
            brief=form,
            exact=form,
            key=f"seeds/{name}_{suffix}",
        )

    return [column(place, *which) for place, which in enumerate(_WHICH)]


SEED_COLUMNS: tuple[SeedColumn, ...] = (
    Column(
        "fresh_seeds",
        "fresh seeds",
        lambda fresh: fresh.seeds,
        "how many other seeds of its configuration were measured, without the one that brought it to the front",
        key="seeds/count",
    ),
    *_spread_columns("rate_bits", BIT, number_format(".3f"), lambda fresh: fresh.rate_bits),
    *_spread_columns("accuracy", "", percent, lambda fresh: fresh.accuracy),
)
