"""Where a trade-off parameter reaches a target: bracketing β between trials that differ in nothing else.

Along β, rate and accuracy of one architecture rise together. So one of its trials reaches the target and a neighbour
does not, or all are on the same side. Between the two, the margin by which the target is reached is interpolated in
log β, and so are the costs there; with trials on one side only, the slopes of other architectures tell how far to go.
Pure arithmetic: nothing here knows trials or samplers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import NamedTuple

from ratefront.spec.goals.target import NEAR

#: A suggestion keeps this share of the bracket away from its ends, so that each trial shrinks it.
LEAST_SHARE = 0.1

#: How much further than predicted a suggestion goes within a bracket: a trial that just misses the target is worth less
#: than one that just reaches it.
BEYOND = 0.05

#: How far in log β a suggestion goes at least from trials on one side: a smaller step would tell little of the slope.
LEAST_STEP = 0.15

#: A bracket of this width in log β, about 2 %, is not divided further.
NARROW = 0.02


class Point(NamedTuple):
    """A trial of an architecture.

    Attributes:
        log_beta: ln β.
        margin: By how much the target is reached, in a unit that is about linear in log β: the logit of accuracy, or
            the logarithm of rate; negative where it is not reached.
        cost: What is paid for it, less is better, likewise linear.
    """

    log_beta: float
    margin: float
    cost: float


@dataclass(frozen=True)
class Slopes:
    """How margin and cost change with ln β."""

    margin: float
    cost: float


#: With no pair of trials: accuracy rises rather steeply with β, and rate by less. A guess that is too steep costs a
#: trial; one that is too flat leaves an architecture that reaches the target.
FIRST_GUESS = {"accuracy": Slopes(2.0, 0.3), "rate_bits": Slopes(-0.5, -1.0)}


@dataclass(frozen=True)
class Crossing:
    """Where an architecture is predicted to reach the target, and what it costs there.

    Attributes:
        log_beta: ln β, inside of the searched interval.
        cost: The predicted cost at the target.
        reached: The least cost of its trials that reach the target; infinite where none does.
        is_closed: A further trial can gain next to nothing.
    """

    log_beta: float
    cost: float
    reached: float
    is_closed: bool


def slopes_of(families: Sequence[Sequence[Point]], guess: Slopes) -> Slopes:
    """Return the median slopes between neighbouring trials of the same architecture; ``guess`` without a pair."""
    pairs = [
        pair
        for points in families
        for pair in pairwise(sorted(points))
        if pair[1].log_beta - pair[0].log_beta > NARROW
    ]
    if not pairs:
        return guess
    margins = [(b.margin - a.margin) / (b.log_beta - a.log_beta) for a, b in pairs]
    costs = [(b.cost - a.cost) / (b.log_beta - a.log_beta) for a, b in pairs]
    return Slopes(median(margins), median(costs))


def crossing(points: Sequence[Point], slopes: Slopes, low: float, high: float) -> Crossing | None:
    """Return where the architecture with these trials reaches the target, for ln β in [low, high].

    None where it does not: it falls short by its slope even at the end of the interval, or was tried there.
    """
    rising = slopes.margin >= 0
    turned = [point if rising else point._replace(log_beta=-point.log_beta) for point in points]
    slope = abs(slopes.margin)
    cost_slope = slopes.cost if rising else -slopes.cost
    low, high = (low, high) if rising else (-high, -low)
    found = _rising_crossing(sorted(turned), slope, max(cost_slope, 0.0), low, high)
    if found is None or rising:
        return found
    return Crossing(-found.log_beta, found.cost, found.reached, found.is_closed)


def _rising_crossing(
    points: Sequence[Point], slope: float, cost_slope: float, low: float, high: float
) -> Crossing | None:
    """As ``crossing``, where margin and cost rise with the first coordinate."""
    over = [point for point in points if point.margin >= 0]
    reached = min((point.cost for point in over), default=math.inf)
    first = min(over, default=None)
    short = [point for point in points if point.margin < 0 and (first is None or point < first)]
    last = max(short, default=None)
    if first is not None and last is not None:
        return _between(last, first, reached)
    if first is not None:
        place = first.log_beta - first.margin / slope if slope else low
        place = max(low, min(place, first.log_beta - LEAST_STEP))
        # What a slope foretells may be wrong, so that the margin decides whether it is near enough.
        is_closed = first.log_beta - low < NARROW or first.margin < NEAR
        return Crossing(place, first.cost - cost_slope * (first.log_beta - place), reached, is_closed)
    if last is None or high - last.log_beta < NARROW or not slope:
        return None
    place = max(last.log_beta - last.margin / slope, last.log_beta + LEAST_STEP)
    # A slope is uncertain: what would miss the end by no more than it has to go is tried at the end.
    if place - high > high - last.log_beta + LEAST_STEP:
        return None
    place = min(place, high)
    return Crossing(place, last.cost + cost_slope * (place - last.log_beta), reached, False)


def _between(short: Point, over: Point, reached: float) -> Crossing:
    width = over.log_beta - short.log_beta
    share = -short.margin / (over.margin - short.margin)
    cost = short.cost + share * (over.cost - short.cost)
    inside = min(max(share + BEYOND, LEAST_SHARE), 1 - LEAST_SHARE)
    is_closed = width < NARROW or reached - cost < NEAR
    return Crossing(short.log_beta + inside * width, min(cost, reached), reached, is_closed)
