"""Constraints on trials, as ``accuracy >= 0.97`` or ``transmitter_bytes <= 1 MiB``, and how far a trial is from them.

A trial meets a constraint by what it measured on the validation split, as the search sees it. A value that is not known
(the MACs of a transmitter with an operation that no formula counts) meets no constraint.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from ratefront.errors import UnknownCostError, UnknownNameError
from ratefront.spec.problem_wording import shown, unknown
from ratefront.trial_records import LOGARITHMIC, OBJECTIVES, TrialResult, metric_names

Relation: TypeAlias = Literal[">=", "<="]

#: More of them say no more.
MOST_CONSTRAINTS = 100

#: What a number may be followed by, for each name: what the number is multiplied by.
_BYTES = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
_UNITS: Mapping[str, Mapping[str, float]] = {
    "accuracy": {"%": 0.01},
    "rate_bits": {"bit": 1},
    "transmitter_bytes": _BYTES,
    "encode_ms": {"ms": 1},
}

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_CONSTRAINT = re.compile(rf"\s*(\w+)\s*(<=|>=|≤|≥)\s*({_NUMBER})\s*([^\W\d_]+|%)?\s*")
_RELATIONS: Mapping[str, Relation] = {"<=": "<=", "≤": "<=", ">=": ">=", "≥": ">="}

_FORM = "a constraint is a name, <= or >=, and a number, as accuracy >= 0.97 or transmitter_bytes <= 1 MiB"


@dataclass(frozen=True)
class Constraint:
    """A limit on one value of a trial.

    Attributes:
        name: An objective or a metric of the sweep.
        relation: ``>=`` or ``<=``.
        limit: In the value's own unit: bit/sample, a fraction, bytes, ms.
        text: As people read it, as ``transmitter_bytes <= 1 MiB``.
    """

    name: str
    relation: Relation
    limit: float
    text: str

    @classmethod
    def of(cls, name: str, relation: Relation, limit: float) -> Constraint:
        """The constraint with this limit, in the value's own unit."""
        return cls(name, relation, limit, f"{name} {relation} {limit:.10g}")

    def violation(self, value: float | None) -> float:
        """Return how far a value is beyond the limit, on its axis of the search; 0 or negative where it is met.

        Rates, sizes and times are compared as log2(1 + value), all else as it is. A value that is not known (None) is
        infinitely far.
        """
        if value is None:
            return math.inf
        beyond = _on_axis(self.name, value) - _on_axis(self.name, self.limit)
        return beyond if self.relation == "<=" else -beyond

    def __str__(self) -> str:
        return self.text


def _on_axis(name: str, value: float) -> float:
    return math.log2(1.0 + max(0.0, value)) if name in LOGARITHMIC else value


def parse_constraint(text: str) -> Constraint:
    """Read a constraint.

    Args:
        text: As in the sweep file; units are those of bytes (B, kB, MB, GB, KiB, MiB, GiB), ``%`` of an accuracy,
            ``bit`` and ``ms``.

    Raises:
        ValueError: It has another form, another unit, or a limit that all or no trials meet; says what is valid.
    """
    found = _CONSTRAINT.fullmatch(text)
    if found is None:
        raise ValueError(f"{_FORM}; got {shown(text)}")
    name, relation, number, unit = found.groups()
    limit = float(number) * _scale(name, unit)
    words = (name, _RELATIONS[relation], number, unit)
    constraint = Constraint(name, _RELATIONS[relation], limit, " ".join(filter(None, words)))
    _check_limit(constraint)
    return constraint


def _scale(name: str, unit: str | None) -> float:
    units = _UNITS.get(name, {})
    if unit is None:
        return 1.0
    if unit not in units:
        takes = f"units of {name}: {', '.join(units)}" if units else f"{name} has no unit"
        raise ValueError(f"unknown unit {shown(unit)}; {takes}")
    return units[unit]


def _check_limit(constraint: Constraint) -> None:
    """Refuse a limit outside of what the value can be."""
    name, limit = constraint.name, constraint.limit
    if not math.isfinite(limit):
        raise ValueError(f"{constraint.text}: the limit is too large a number")
    if name == "accuracy" and not 0 <= limit <= 1:
        raise ValueError(f"{constraint.text}: an accuracy lies between 0 and 1 (or 0 % and 100 %)")
    if name in LOGARITHMIC and limit < 0:
        raise ValueError(f"{constraint.text}: {name} is never negative")


def constraint_problems(constraints: Sequence[Constraint], known: Iterable[str]) -> list[tuple[int, str]]:
    """Return what is wrong with constraints on a sweep that knows these names: (place in the list, sentence)."""
    names = list(known)
    problems = [
        (place, unknown("objective or metric", constraint.name, names))
        for place, constraint in enumerate(constraints)
        if constraint.name not in names
    ]
    for name, (low, high) in box(constraints).items():
        if low > high:
            place, both = _pair(constraints, name)
            problems.append((place, f"no trial can meet both {both}"))
    return problems


def _pair(constraints: Sequence[Constraint], name: str) -> tuple[int, str]:
    """The constraints on ``name`` whose limits contradict each other: the place of the later one, and both."""
    own = [(place, each) for place, each in enumerate(constraints) if each.name == name]
    low = max((one for one in own if one[1].relation == ">="), key=lambda one: one[1].limit)
    high = min((one for one in own if one[1].relation == "<="), key=lambda one: one[1].limit)
    first, second = sorted((low, high))
    return second[0], f"{first[1]} and {second[1]}"


def box(constraints: Iterable[Constraint]) -> dict[str, tuple[float, float]]:
    """Return for each name that is constrained the values that meet the constraints: (low, high), both included.

    A side without a limit is infinite. Where the limits contradict each other, low is greater than high.
    """
    sides: dict[str, tuple[float, float]] = {}
    for constraint in constraints:
        low, high = sides.get(constraint.name, (-math.inf, math.inf))
        if constraint.relation == ">=":
            low = max(low, constraint.limit)
        else:
            high = min(high, constraint.limit)
        sides[constraint.name] = low, high
    return sides


def values_of(result: TrialResult, constraints: Iterable[Constraint]) -> dict[str, float | None]:
    """Return what the constraints look at, as the search sees it: on validation; None where it is not known."""
    return {constraint.name: _known(result, constraint.name) for constraint in constraints}


def _known(result: TrialResult, name: str) -> float | None:
    try:
        return result.objective(name)
    except (UnknownCostError, UnknownNameError):
        return None


def violations(constraints: Sequence[Constraint], values: Mapping[str, float | None]) -> tuple[float, ...]:
    """Return how far the values are beyond each constraint (see ``Constraint.violation``); a missing one is unknown."""
    return tuple(constraint.violation(values.get(constraint.name)) for constraint in constraints)


def meets(result: TrialResult, constraints: Sequence[Constraint]) -> bool:
    """Return whether a result meets all of the constraints, on validation."""
    return all(beyond <= 0 for beyond in violations(constraints, values_of(result, constraints)))


def recorded_constraints(spec: Mapping[str, Any]) -> tuple[Constraint, ...]:
    """Return the constraints of a resolved sweep file in a ledger; none where it has none.

    Raises:
        ValueError: One of them cannot be read, or is on no value of the sweep.
    """
    constraints = tuple(map(parse_constraint, spec.get("constraints") or ()))
    known = (*OBJECTIVES, *metric_names(spec))
    for place, problem in constraint_problems(constraints, known):
        raise ValueError(f"constraints[{place}]: {problem}")
    return constraints
