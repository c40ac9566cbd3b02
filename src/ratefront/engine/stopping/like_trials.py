"""Which trials are like one another, and what the transmitter of a running trial will cost.

A configuration is compared by its values alone: two values of a choice are equal or not; numbers are apart by their
ratio.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TypeAlias

from ratefront.engine.stopping.objective_axes import Point
from ratefront.trial_records import Scalar

#: Parameters that change how a codec is trained and not what its transmitter consists of. Others may change both.
TRAINING_PARAMETERS = frozenset(
    {"beta", "epochs", "learning_rate", "batch_size", "objective", "classifier_loss"}
)

#: Numbers with this ratio are as different as two options of a choice.
FAR_OCTAVES = 4.0

#: How many different transmitters are remembered of each family, the newest: a search draws some numbers from a range.
MOST_KNOWN = 256

#: A network of half the width has at least a quarter of the weights: costs are assumed to fall no faster.
STEEPEST = 2.0


#: The values of a configuration, made ready for ``distance``: positive numbers by their logarithms.
Position: TypeAlias = Mapping[str, Scalar]


def position_of(values: Mapping[str, Scalar]) -> Position:
    """The position of a configuration; a difference of 1 between two numbers is as large as one counts."""
    return {name: _coordinate(value) for name, value in values.items()}


def _coordinate(value: Scalar) -> Scalar:
    if isinstance(value, str | bool) or value <= 0:
        return str(value)
    return math.log2(value) / FAR_OCTAVES


def distance(first: Position, second: Position) -> float:
    """How different two configurations are: each value that differs, or that one lacks, adds up to 1."""
    apart = float(len(second))
    for name, one in first.items():
        other = second.get(name)
        if other is None:
            apart += 1.0
        elif one == other:
            apart -= 1.0
        elif isinstance(one, float) and isinstance(other, float):
            apart += min(1.0, abs(one - other)) - 1.0
    return apart


def _octaves(first: Scalar, second: Scalar) -> float | None:
    """log2 of the numbers' ratio; None where one is no positive number."""
    if isinstance(first, str | bool) or isinstance(second, str | bool) or first <= 0 or second <= 0:
        return None
    return math.log2(first) - math.log2(second)


class TransmitterCosts:
    """What transmitters of finished trials cost, and what that says of others."""

    def __init__(self) -> None:
        self._known: dict[str, dict[frozenset[tuple[str, Scalar]], Point]] = {}

    def learn(self, values: Mapping[str, Scalar], costs: Point) -> None:
        """Take in the costs of a finished trial, on their axes; of equal transmitters the least count."""
        known = self._known.setdefault(str(values["family"]), {})
        key = frozenset(_structure(values).items())
        known[key] = tuple(map(min, costs, known.pop(key, costs)))
        if len(known) > MOST_KNOWN:
            del known[next(iter(known))]

    def predict(self, values: Mapping[str, Scalar]) -> Point | None:
        """The least that the transmitter of these values will cost, on the axes; None where nothing is known of it.

        It is that of equal transmitters, or follows from the nearest one with the same choices: where a number is
        smaller, the cost is assumed to be smaller by the square of the ratio.
        """
        structure = _structure(values)
        known = self._known.get(str(values["family"]), {})
        key = frozenset(structure.items())
        if key in known:
            return known[key]
        place = position_of(structure)
        comparable = [
            (distance(place, position_of(dict(other))), saved, costs)
            for other, costs in known.items()
            if (saved := _octaves_saved(structure, dict(other))) is not None
        ]
        if not comparable:
            return None
        _, saved, costs = min(comparable)
        return tuple(math.log2(1.0 + (2.0**cost - 1.0) / 2.0 ** (STEEPEST * saved)) for cost in costs)


def _structure(values: Mapping[str, Scalar]) -> dict[str, Scalar]:
    return {name: value for name, value in values.items() if name not in TRAINING_PARAMETERS}


def _octaves_saved(structure: Mapping[str, Scalar], other: Mapping[str, Scalar]) -> float | None:
    """By how many octaves the numbers are smaller, summed; None where the two differ in more than numbers."""
    if structure.keys() != other.keys():
        return None
    saved = 0.0
    for name, value in structure.items():
        if value != other[name]:
            octaves = _octaves(other[name], value)
            if octaves is None:
                return None
            saved += max(0.0, octaves)
    return saved
