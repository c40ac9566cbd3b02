"""The slopes at which a convex curve is solved: under the chord that may hide most of it (the sandwich rule)."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np

from ratefront.bounds.source.distributions import FloatArray, checked_count

ENOUGH_BITS = 1e-9
"""If chord and tangents are closer than this, the curve between them is known."""

State = TypeVar("State")


@dataclass(frozen=True, slots=True)
class TracedPoint(Generic[State]):
    """A point of a convex curve.

    Attributes:
        distortion: D.
        rate_bits: R(D), or up to `gap_bits` above it.
        slope: -dR/dD in nat.
        gap_bits: the certified gap.
        state: what the solver needs for a warm start nearby.
    """

    distortion: float
    rate_bits: float
    slope: float
    gap_bits: float = 0.0
    state: State | None = field(default=None, compare=False, repr=False)


Solver = Callable[[float, TracedPoint[State], TracedPoint[State]], TracedPoint[State]]
"""(slope in nat, left neighbour, right neighbour) -> the point of the curve with that slope."""


def trace_convex(
    solve: Solver[State], left: TracedPoint[State], right: TracedPoint[State], points: int
) -> list[TracedPoint[State]]:
    """Return at most `points` points from `left` (least distortion) to `right` (zero rate), sorted by distortion.

    The greatest possible distance between a chord and the curve is bounded by the tangents of the chord's ends.
    Each step solves at the slope of the chord with the largest such distance. The result has fewer points only
    where chords and tangents agree everywhere.

    Raises:
        InputError: fewer than two points.
    """
    checked_count(points, "the number of points")
    if left.distortion >= right.distortion:
        return [right]
    traced = [left, right]
    open_chords: list[_Chord[State]] = []
    _push(open_chords, 0, left, right)
    while len(traced) < points and open_chords:
        _, order, a, b = heapq.heappop(open_chords)
        middle = solve(chord_slope(a, b), a, b)
        if not a.distortion < middle.distortion < b.distortion:
            continue
        traced.append(middle)
        _push(open_chords, 2 * order + 1, a, middle)
        _push(open_chords, 2 * order + 2, middle, b)
    return sorted(traced, key=lambda point: point.distortion)


class PointArrays(NamedTuple):
    """The points as arrays, each of shape (M,)."""

    rate_bits: FloatArray
    distortion: FloatArray
    gap_bits: FloatArray
    slope: FloatArray


def arrays_of(points: Sequence[TracedPoint[Any]]) -> PointArrays:
    """Return the points' numbers as arrays, in the order of the points."""
    rows = [(point.rate_bits, point.distortion, point.gap_bits, point.slope) for point in points]
    return PointArrays(*np.array(rows).T)


def chord_slope(a: TracedPoint[State], b: TracedPoint[State]) -> float:
    """Return -dR/dD of the straight line between two points, in nat."""
    return (a.rate_bits - b.rate_bits) * float(np.log(2)) / (b.distortion - a.distortion)


def chord_error_bits(a: TracedPoint[State], b: TracedPoint[State]) -> float:
    """Return how far below the chord the curve can lie at most: the height of the triangle of chord and tangents."""
    width, chord = b.distortion - a.distortion, chord_slope(a, b)
    before, after = max(a.slope - chord, 0.0), max(chord - b.slope, 0.0)
    if before == 0.0 or after == 0.0:
        return 0.0
    steep = 1.0 if np.isinf(before) else before / (before + after)
    return float(width * steep * after / np.log(2))


_Chord = tuple[float, int, TracedPoint[State], TracedPoint[State]]


def _push(heap: list[_Chord[State]], order: int, a: TracedPoint[State], b: TracedPoint[State]) -> None:
    error = chord_error_bits(a, b)
    if error > ENOUGH_BITS:
        heapq.heappush(heap, (-error, order, a, b))
