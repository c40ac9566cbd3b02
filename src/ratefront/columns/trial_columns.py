"""The columns of a trial: what it is, how it ended, which values it was tried with, and all that it measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Protocol, TypeAlias

from ratefront.columns.column import Cell, Column
from ratefront.columns.number_formats import number_format
from ratefront.columns.result_columns import columns_of_result
from ratefront.trial_records import Status, TrialParams, TrialResult, series_of


class TrialLike(Protocol):
    """What the columns need to know of a trial."""

    @property
    def params(self) -> TrialParams:
        """What it was given."""

    @property
    def status(self) -> Status:
        """How it ended."""

    @property
    def reason(self) -> str:
        """Why it ended as it did."""

    @property
    def attempts(self) -> int:
        """How often it was started."""

    @property
    def error(self) -> str:
        """The class name of its last error."""

    @property
    def rung(self) -> int:
        """The epoch after which the search stopped it; 0 where it did not."""

    @property
    def result(self) -> TrialResult | None:
        """What it measured, where it ran to its end."""

    @property
    def repeat_of(self) -> str:
        """The first trial of the configuration that it repeats; empty where it repeats none."""


class GapLike(Protocol):
    """How far a trial lies above a bound."""

    @property
    def bits(self) -> float | None:
        """Rate minus the bound, in bit/sample."""

    @property
    def ratio(self) -> float | None:
        """Rate divided by the bound."""


class FrontPlace(Protocol):
    """What the columns need to know of a trial's place on the front."""

    @property
    def dominated_on_test(self) -> bool:
        """Whether another trial of the front dominates it on the test split."""

    @property
    def gaps(self) -> Mapping[str, GapLike]:
        """Its gap to each bound, by the bound's name."""


TrialColumn: TypeAlias = Column[TrialLike, Cell]
FrontColumn: TypeAlias = Column[FrontPlace, Cell]


def _parameter(name: str) -> Callable[[TrialLike], Cell]:
    return lambda trial: trial.params.values.get(name)


_IDENTITY_AND_STATUS: tuple[TrialColumn, ...] = (
    Column(
        "trial_id",
        "trial",
        lambda trial: trial.params.trial_id,
        "its name: they are numbered as they are planned",
    ),
    Column(
        "status",
        "status",
        lambda trial: trial.status,
        "`finished`, `collapsed` (validation accuracy not above the majority class by 2σ), `pruned` (the search "
        "stopped it), `stopped` (a person stopped it), `failed`",
        table="trials",
    ),
    Column("reason", "reason", lambda trial: trial.reason, "why it ended as it did", table="trials"),
    Column(
        "rung",
        "rung",
        lambda trial: trial.rung if trial.status == "pruned" else None,
        "the epoch after which the search stopped a pruned one",
        table="trials",
    ),
    Column("attempts", "attempts", lambda trial: trial.attempts, "how often it was started", table="trials"),
    Column(
        "error",
        "error",
        lambda trial: trial.error if trial.status == "failed" else None,
        "the kind of error that a failed one ended by",
        table="trials",
    ),
    Column("seed", "seed", lambda trial: trial.params.seed, "the trial's own, made of the sweep's"),
    Column(
        "repeat_of",
        "repeats",
        lambda trial: trial.repeat_of or None,
        "the trial whose configuration it repeats with a fresh seed; empty where it repeats none",
    ),
    Column(
        "starts_from",
        "starts from",
        lambda trial: trial.params.starts_from or None,
        "the trial whose weights it was to start from; empty where it started from scratch",
    ),
)

#: The parameters that have a column in every sweep, under the parameter's name.
_MAIN_PARAMETERS: tuple[TrialColumn, ...] = (
    Column("family", "family", _parameter("family"), "the codec's family"),
    Column(
        "split",
        "split",
        _parameter("split"),
        "where the task model is cut; empty in families that do not cut it",
    ),
    Column(
        "beta", "β", _parameter("beta"), "bits that a unit of distortion is worth", brief=number_format(".4g")
    ),
)
MAIN_PARAMETERS = tuple(column.name for column in _MAIN_PARAMETERS)

_SERIES: TrialColumn = Column(
    "series",
    "series",
    lambda trial: series_of(trial.params.values),
    "its curve in the figure",
    table="front",
)

MEETS_CONSTRAINTS = "meets_constraints"


def constraints_column(meets: Callable[[TrialLike], bool | None]) -> TrialColumn:
    """The column of a sweep whose file has constraints; ``meets`` says whether a trial meets them."""
    return Column(
        MEETS_CONSTRAINTS,
        "constraints",
        meets,
        "whether the trial meets the sweep file's `constraints` on validation",
        brief=lambda value: "met" if value else "not met",
    )


FRONT_COLUMNS: tuple[FrontColumn, ...] = (
    Column(
        "dominated_on_test",
        "dominated on test",
        lambda place: place.dominated_on_test,
        "whether another one of the front beats it on test",
        table="front",
    ),
)


def gap_columns(bound: str) -> tuple[FrontColumn, ...]:
    """The columns of the gap to one bound."""
    return (
        Column(
            f"gap_bits_{bound}",
            "gap",
            lambda place: place.gaps[bound].bits,
            "bits above the bound, at the trial's accuracy on test; empty where the bound does not reach it",
            "bit/sample",
            table="front",
        ),
        Column(
            f"gap_ratio_{bound}",
            "gap",
            lambda place: place.gaps[bound].ratio,
            "rate ÷ the bound's",
            table="front",
        ),
    )


@lru_cache(maxsize=64)
def columns_of_trial(metrics: tuple[str, ...] = ()) -> tuple[TrialColumn, ...]:
    """The columns of a trial in order, with those of the sweep's own ``metrics``."""
    family, *others = _MAIN_PARAMETERS
    measured: list[TrialColumn] = [
        column.within(lambda trial: trial.result) for column in columns_of_result(metrics)
    ]
    return (*_IDENTITY_AND_STATUS, family, _SERIES, *others, *measured)
