"""The branches of a space, and a configuration as numbers on the unit cube of its branch."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from ratefront.pareto import FloatArray
from ratefront.spec.space.dimensions import Branch, Choice, Leaf, Space
from ratefront.spec.space.space_coordinates import searched_values, unit_position
from ratefront.trial_records import Scalar

#: The options taken on the way through a space, by path: ``(("family", "split"), ("split/entropy_model", …))``.
BranchKey: TypeAlias = tuple[tuple[str, str], ...]

#: Two options of an unordered choice lie as far apart as the two ends of an interval.
_OPTION = math.sqrt(0.5)


@dataclass(frozen=True)
class LocatedConfiguration:
    """A configuration with its place.

    Attributes:
        values: The configuration.
        branch: The options that it takes.
        features: Its place (D,); D is that of the branch.
    """

    values: Mapping[str, Scalar]
    branch: BranchKey
    features: FloatArray


@dataclass
class BranchFeatures:
    """Turns configurations into numbers.

    An interval is one number, its logarithm where that is searched. So is a choice of numbers, in logarithms where all
    are positive. Any other choice is a number for each option.
    """

    space: Space
    _scales: dict[str, Mapping[Scalar, tuple[float, ...]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._branch_paths = frozenset(_branch_paths(self.space))

    def locate(self, values: Mapping[str, Scalar]) -> LocatedConfiguration:
        """Return a configuration of the space with its place."""
        branch: list[tuple[str, str]] = []
        features: list[float] = []
        for path, leaf, value in searched_values(self.space, values):
            if path in self._branch_paths:
                branch.append((path, str(value)))
            else:
                features += self._numbers(path, leaf, value)
        return LocatedConfiguration(values, tuple(branch), np.array(features or [0.5]))

    def _numbers(self, path: str, leaf: Leaf, value: Scalar) -> tuple[float, ...]:
        if not isinstance(leaf, Choice):
            return (unit_position(leaf, float(value)),)
        if path not in self._scales:
            self._scales[path] = _scale_of(leaf.options)
        return self._scales[path][value]


def _branch_paths(space: Space, path: str = "") -> Iterator[str]:
    for name, dimension in space.items():
        if isinstance(dimension, Branch):
            yield path + name
            for option, inner in dimension.options.items():
                yield from _branch_paths(
                    inner, f"{path}{option if name == 'family' else f'{name}/{option}'}/"
                )


def _scale_of(options: tuple[Scalar, ...]) -> Mapping[Scalar, tuple[float, ...]]:
    """Return the numbers of each option."""
    if all(isinstance(option, int | float) and not isinstance(option, bool) for option in options):
        numbers = np.array([float(option) for option in options])
        placed = np.log(numbers) if numbers.min() > 0 else numbers
        width = float(np.ptp(placed)) or 1.0
        return {o: ((float(p) - float(placed.min())) / width,) for o, p in zip(options, placed, strict=True)}
    places = range(len(options))
    return {o: tuple(_OPTION * (p == q) for q in places) for p, o in enumerate(options)}
