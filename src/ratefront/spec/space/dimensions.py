"""The search space as neutral values, independent of Optuna: leaves, and choices that open spaces.

A space maps parameter names to dimensions. A ``Branch`` is a choice whose options carry spaces of their own:
a family's parameters exist only under it. Names are unique along every path, hence an assignment is flat:
``{"family": "split", "split": "conv2", "refine": "sga", "refine_steps": 100}``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from ratefront.trial_records import Scalar


@dataclass(frozen=True)
class Constant:
    """A parameter that is not searched."""

    value: Scalar


@dataclass(frozen=True)
class Float:
    """A real interval, both ends included; ``log`` searches its logarithm."""

    low: float
    high: float
    log: bool = False


@dataclass(frozen=True)
class Int:
    """An integer interval, both ends included; ``log`` searches its logarithm."""

    low: int
    high: int
    log: bool = False


@dataclass(frozen=True)
class Choice:
    """One of several unordered values."""

    options: tuple[Scalar, ...]


@dataclass(frozen=True)
class Branch:
    """One of several options, each of which opens a space of its own."""

    options: Mapping[str, Space]


Leaf: TypeAlias = Float | Int | Choice
Dimension: TypeAlias = Constant | Leaf | Branch
Space: TypeAlias = Mapping[str, Dimension]


def combinations(space: Space, values_of: Callable[[Leaf], Iterable[Scalar]]) -> Iterator[dict[str, Scalar]]:
    """Yield every combination of values as flat assignments, lazily.

    ``values_of(leaf)`` gives the values of a leaf in order; a branch is offered as the choice of its options.
    """
    if not space:
        yield {}
        return
    name, *others = space
    rest = {other: space[other] for other in others}
    for first in _each(name, space[name], values_of):
        for remaining in combinations(rest, values_of):
            yield first | remaining


def _each(
    name: str, dimension: Dimension, values_of: Callable[[Leaf], Iterable[Scalar]]
) -> Iterator[dict[str, Scalar]]:
    match dimension:
        case Constant(value):
            yield {name: value}
        case Branch(options):
            for option in values_of(Choice(tuple(options))):
                for inner in combinations(options[str(option)], values_of):
                    yield {name: option, **inner}
        case leaf:
            yield from ({name: value} for value in values_of(leaf))


def holds(leaf: Leaf, value: object) -> bool:
    """Return whether a value is one that a leaf of the space can take."""
    if isinstance(leaf, Choice):
        return any(type(value) is type(option) and value == option for option in leaf.options)
    is_number = type(value) is int or (type(value) is float and isinstance(leaf, Float))
    return is_number and leaf.low <= value <= leaf.high  # type: ignore[operator]


def assign(space: Space, choose: Callable[[str, Leaf], Scalar], path: str = "") -> dict[str, Scalar]:
    """Walk the space and return a flat assignment.

    ``choose(path, leaf)`` picks a value; ``path`` is unique in the whole space (``family``, ``split/beta``,
    ``split/refine/sga/refine_steps``: the options taken on the way, then the parameter), so that a sampler
    can keep a distribution for each. A branch is offered as the choice of its options.
    """
    values: dict[str, Scalar] = {}
    for name, dimension in space.items():
        match dimension:
            case Constant(value):
                values[name] = value
            case Branch(options):
                option = str(choose(path + name, Choice(tuple(options))))
                values[name] = option
                inner = option if name == "family" else f"{name}/{option}"
                values |= assign(options[option], choose, f"{path}{inner}/")
            case leaf:
                values[name] = choose(path + name, leaf)
    return values
