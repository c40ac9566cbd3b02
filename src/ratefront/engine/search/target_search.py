"""The search for a target: β is bracketed in the most promising architecture, in turns with other architectures.

An architecture is a configuration without its β. Of three trials

* one refines the architecture that is predicted to be cheapest at the target (see ``target_bracket``), where one is
  left that may still become better than the best trial so far;
* one differs from one of the best trials in a single parameter;
* one is left to the ordinary sampler, which sees the target as one objective under a constraint.

So families without β compete as well, and the search does not stay with the first good architecture.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

from ratefront.engine.search.first_trials import neighbour
from ratefront.engine.search.seeds import stable_seed
from ratefront.engine.search.target_bracket import (
    FIRST_GUESS,
    Crossing,
    Point,
    Slopes,
    crossing,
    slopes_of,
)
from ratefront.history.sweep_history import TrialHistory
from ratefront.spec.goals.constraints import Constraint, values_of, violations
from ratefront.spec.goals.target import Target
from ratefront.spec.space.dimensions import Branch, Choice, Float, Int, Leaf, Space
from ratefront.trial_records import Scalar, TrialResult

#: The parameter that trades rate for accuracy, in every family that has one.
TRADE_OFF = "beta"

#: What follows from the architecture of a codec, and hardly from its β.
_OF_ARCHITECTURE = frozenset({"transmitter_bytes", "transmitter_macs"})

#: How many of the best trials have neighbours, and how many neighbours are drawn before one is found that is new.
LEADERS, NEIGHBOURS = 3, 20

#: Rates and shares of errors below this are taken for it: their logarithms stay finite.
_LEAST = 1e-4


@dataclass
class _Architecture:
    """The trials that differ in β alone.

    Attributes:
        values: All other values, and a β.
        leaf: The values that β may have.
        points: The trials with a result.
        tried: Every β that was planned.
        open: Names of trials that have not ended.
        is_ruled_out: Every trial so far broke a constraint on what the codec holds, which hardly depends on β.
        is_stopped: The search stopped a trial of it early: a transmitter that costs no more is better.
    """

    values: dict[str, Scalar]
    leaf: Leaf
    points: list[Point] = field(default_factory=list)
    tried: set[float] = field(default_factory=set)
    open: set[str] = field(default_factory=set)
    is_ruled_out: bool = True
    is_stopped: bool = False

    @property
    def family(self) -> Scalar:
        return self.values["family"]

    @property
    def interval(self) -> tuple[float, float]:
        """The least and the greatest ln β."""
        if isinstance(self.leaf, Choice):
            options = [float(option) for option in self.leaf.options]
            return math.log(min(options)), math.log(max(options))
        return math.log(self.leaf.low), math.log(self.leaf.high)


class TargetSearch:
    """Suggests trials at the target. Call it for every change of a trial, in the order of the ledger."""

    def __init__(
        self, space: Space, target: Target, constraints: Sequence[Constraint] = (), seed: int = 0
    ) -> None:
        self._space, self._target, self._constraints, self._seed = space, target, constraints, seed
        self._architectures: dict[frozenset[tuple[str, Scalar]], _Architecture] = {}
        self._best = math.inf
        self._guess = FIRST_GUESS[target.constraint.name]
        self._tried: set[frozenset[tuple[str, Scalar]]] = set()
        self._leaders: list[tuple[tuple[float, ...], int, Mapping[str, Scalar]]] = []

    def planned(self, trial: TrialHistory) -> None:
        """Take in that a trial was planned, or reopened after it had failed."""
        self._tried.add(frozenset(trial.params.values.items()))
        architecture = self._architecture_of(trial.params.values)
        if architecture is not None:
            architecture.open.add(trial.params.trial_id)
            architecture.tried.add(float(trial.params.values[TRADE_OFF]))

    def ended(self, trial: TrialHistory) -> None:
        """Take in that a trial has ended, as its status says."""
        architecture, result = self._architecture_of(trial.params.values), trial.result
        if architecture is not None:
            architecture.open.discard(trial.params.trial_id)
            architecture.is_stopped |= trial.status == "pruned"
        if result is None:
            return
        margin, cost = self._margin_and_cost(result)
        beyond = violations(self._constraints, values_of(result, self._constraints))
        broken = {each.name for each, far in zip(self._constraints, beyond, strict=True) if far > 0}
        if trial.status == "finished":
            is_at_target = margin >= 0 and not broken
            if is_at_target:
                self._best = min(self._best, cost)
            far = sum(each for each in (*beyond, -margin) if each > 0)
            place = (0.0, cost) if is_at_target else (far, cost)
            self._leaders = sorted([*self._leaders, (place, trial.number, trial.params.values)])[:LEADERS]
        if architecture is not None:
            architecture.is_ruled_out &= bool(broken & _OF_ARCHITECTURE)
            log_beta = math.log(float(trial.params.values[TRADE_OFF]))
            architecture.points.append(Point(log_beta, margin, cost))

    def suggest(self, number: int) -> dict[str, Scalar] | None:
        """The values of trial ``number`` (counted from 0); None where it is the ordinary sampler's turn."""
        if number % 3 == 0:
            return None
        refined = self._refined() if number % 3 == 1 else None
        return refined or self._neighbour(number)

    def _refined(self) -> dict[str, Scalar] | None:
        """The best architecture with another β; None where none that was tried is worth another trial."""
        slopes = self._slopes()
        found = [
            (place.cost, order, architecture, place)
            for order, architecture in enumerate(self._architectures.values())
            if (place := self._crossing(architecture, slopes)) is not None
        ]
        for _, _, architecture, place in sorted(found, key=lambda one: one[:2]):
            beta = _beta_at(architecture, place)
            if beta is not None:
                return {**architecture.values, TRADE_OFF: beta}
        return None

    def _neighbour(self, number: int) -> dict[str, Scalar] | None:
        """One of the best trials with one parameter changed; None where all that were drawn have been tried."""
        random = Random(stable_seed("neighbour", self._seed, number))  # noqa: S311
        for _ in range(NEIGHBOURS if self._leaders else 0):
            values = neighbour(self._space, random.choice(self._leaders)[2], random)
            if frozenset(values.items()) not in self._tried:
                return values
        return None

    def _crossing(self, architecture: _Architecture, slopes: Mapping[Scalar, Slopes]) -> Crossing | None:
        is_left_alone = architecture.open or architecture.is_ruled_out or architecture.is_stopped
        if is_left_alone or not architecture.points:
            return None
        place = crossing(architecture.points, slopes[architecture.family], *architecture.interval)
        is_promising = place is not None and not place.is_closed and place.cost < self._best
        return place if is_promising else None

    def _slopes(self) -> dict[Scalar, Slopes]:
        """The slopes of each family; those of all families where one has no pair of trials yet."""
        by_family: dict[Scalar, list[list[Point]]] = {}
        for architecture in self._architectures.values():
            by_family.setdefault(architecture.family, []).append(architecture.points)
        common = slopes_of([points for group in by_family.values() for points in group], self._guess)
        return {family: slopes_of(group, common) for family, group in by_family.items()}

    def _margin_and_cost(self, result: TrialResult) -> tuple[float, float]:
        accuracy, rate = _logit(result.objective("accuracy")), _log(result.objective("rate_bits"))
        if self._target.accuracy is not None:
            return accuracy - _logit(self._target.accuracy), rate
        return _log(self._target.rate_bits or 0.0) - rate, -accuracy

    def _architecture_of(self, values: Mapping[str, Scalar]) -> _Architecture | None:
        """The architecture of a configuration; None where it has no β that is searched."""
        if TRADE_OFF not in values:
            return None
        key = frozenset(item for item in values.items() if item[0] != TRADE_OFF)
        if key not in self._architectures:
            leaf = _trade_off_leaf(self._space, values)
            if leaf is None:
                return None
            self._architectures[key] = _Architecture(dict(values), leaf)
        return self._architectures[key]


def _beta_at(architecture: _Architecture, place: Crossing) -> Scalar | None:
    """The value of β nearest to a place that was not tried; None where none is left that could tell more."""
    leaf, beta = architecture.leaf, math.exp(place.log_beta)
    if isinstance(leaf, Float):
        return min(max(beta, leaf.low), leaf.high)
    options = leaf.options if isinstance(leaf, Choice) else (min(max(round(beta), leaf.low), leaf.high),)
    sides = [(point.log_beta, point.margin >= 0) for point in architecture.points]
    left = [
        option
        for option in options
        if float(option) not in architecture.tried and _tells_more(math.log(float(option)), sides)
    ]
    return min(left, key=lambda option: abs(math.log(float(option)) - place.log_beta), default=None)


def _tells_more(log_beta: float, sides: Sequence[tuple[float, bool]]) -> bool:
    """Whether the nearest trials on both sides of a place do not agree on which side the target lies."""
    below = max((side for side in sides if side[0] < log_beta), default=None)
    above = min((side for side in sides if side[0] > log_beta), default=None)
    return below is None or above is None or below[1] != above[1]


def _trade_off_leaf(space: Space, values: Mapping[str, Scalar]) -> Leaf | None:
    """The values that β may have on the way that these values take; None where they are no positive numbers."""
    for name, dimension in space.items():
        if isinstance(dimension, Branch):
            found = _trade_off_leaf(dimension.options[str(values[name])], values)
            if found is not None:
                return found
        elif name == TRADE_OFF and isinstance(dimension, Float | Int | Choice):
            return dimension if _is_positive(dimension) else None
    return None


def _is_positive(leaf: Leaf) -> bool:
    values = leaf.options if isinstance(leaf, Choice) else (leaf.low, leaf.high)
    return len(values) > 1 and all(type(value) in (int, float) and float(value) > 0 for value in values)


def _log(rate: float) -> float:
    return math.log(max(rate, _LEAST))


def _logit(share: float) -> float:
    inside = min(max(share, _LEAST), 1 - _LEAST)
    return math.log(inside / (1 - inside))
