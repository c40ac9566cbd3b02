"""Where a trial lies in a space: its searched values by path, numbers on the unit interval that the search sees.

And the way back: the value at a position, and a grid of configurations.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from functools import partial

from ratefront.spec.space.dimensions import (
    Branch,
    Choice,
    Constant,
    Float,
    Int,
    Leaf,
    Space,
    assign,
    combinations,
    holds,
)
from ratefront.trial_records import Scalar


def searched_values(
    space: Space, values: Mapping[str, Scalar], path: str = ""
) -> Iterator[tuple[str, Leaf, Scalar]]:
    """Yield (path, leaf, value) of everything that was searched; paths as ``spec.space.assign`` names them.

    Values that are missing or no numbers where numbers belong, and options that the space does not have, are left out.
    """
    for name, dimension in space.items():
        if isinstance(dimension, Constant) or name not in values:
            continue
        value = values[name]
        if isinstance(dimension, Branch):
            option = str(value)
            yield path + name, Choice(tuple(dimension.options)), option
            inner = option if name == "family" else f"{name}/{option}"
            yield from searched_values(dimension.options.get(option, {}), values, f"{path}{inner}/")
        elif isinstance(dimension, Choice) or _has_position(dimension, value):
            yield path + name, dimension, value


def _has_position(leaf: Float | Int, value: Scalar) -> bool:
    return isinstance(value, int | float) and not (leaf.log and value <= 0)


def unit_position(leaf: Float | Int, value: float) -> float:
    """Return where a value lies between the ends of its interval, 0 to 1; in logarithms if these are searched."""
    low, high = leaf.low, leaf.high
    if low == high:
        return 0.0
    if leaf.log:
        return math.log(value / low) / math.log(high / low)
    return (value - low) / (high - low)


def value_at(leaf: Float | Int, position: float) -> float | int:
    """Return the value at a position on its unit interval: the inverse of ``unit_position``, whole for an ``Int``."""
    low, high = leaf.low, leaf.high
    value = low * (high / low) ** position if leaf.log else low + position * (high - low)
    value = min(max(value, low), high)
    return round(value) if isinstance(leaf, Int) else value


def lies_in(space: Space, values: Mapping[str, Scalar]) -> bool:
    """Return whether a configuration is one of a space's: it has the space's parameters, with values that they take."""

    def choose(path: str, leaf: Leaf) -> Scalar:
        value = values.get(path.rpartition("/")[2])
        if value is None or not holds(leaf, value):
            raise LookupError(path)
        return value

    try:
        return assign(space, choose) == values
    except LookupError:
        return False


def grid(space: Space, steps: int) -> Iterator[dict[str, Scalar]]:
    """Yield every configuration of a space once, of each interval at most ``steps`` values, its ends among them."""
    yield from combinations(space, partial(_on_grid, steps))


def _on_grid(steps: int, leaf: Leaf) -> Iterable[Scalar]:
    if isinstance(leaf, Choice):
        return leaf.options
    return dict.fromkeys(value_at(leaf, step / (steps - 1)) for step in range(steps))
