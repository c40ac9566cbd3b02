"""The search space in Optuna's terms, for the search and for the study that people browse."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.study import StudyDirection

from ratefront.errors import InputError
from ratefront.spec.space.dimensions import Choice, Float, Int, Leaf, Space, assign, holds
from ratefront.trial_records import Objectives, Scalar

Values: TypeAlias = dict[str, Scalar]
Distributions: TypeAlias = dict[str, BaseDistribution]


def distribution_of(leaf: Leaf) -> BaseDistribution:
    """Return a leaf of the space as Optuna's distribution."""
    match leaf:
        case Float(low, high, log):
            return FloatDistribution(low, high, log=log)
        case Int(low, high, log):
            return IntDistribution(low, high, log=log)
        case Choice(options):
            return CategoricalDistribution(options)


def to_optuna(space: Space, values: Mapping[str, Scalar]) -> tuple[Values, Distributions]:
    """Return the values of a trial as Optuna's parameters and distributions, both named by path in the space.

    Raises:
        InputError: The space does not hold the values: they are of another sweep.
    """
    params: Values = {}
    distributions: Distributions = {}

    def recall(path: str, leaf: Leaf) -> Scalar:
        name = path.rpartition("/")[2]
        value = values.get(name)
        if value is None or not holds(leaf, value):
            found = "missing" if value is None else f"{value!r}"
            raise InputError(f"a trial does not fit the search space of its sweep: {name} is {found}")
        params[path], distributions[path] = value, distribution_of(leaf)
        return value

    assign(space, recall)
    return params, distributions


def directions_of(objectives: Objectives) -> list[StudyDirection]:
    """Return the direction of each objective in Optuna's terms, in order."""
    return [
        StudyDirection.MINIMIZE if direction == "minimise" else StudyDirection.MAXIMIZE
        for direction in objectives.values()
    ]
