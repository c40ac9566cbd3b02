"""A bound as the ledger holds it: a short list of points, with straight lines between them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

#: A distortion, 1 − accuracy, may round to just below a bound's least one.
ROUNDING = 1e-9


def rate_at(points: Sequence[tuple[float, float]], distortion: float) -> float | None:
    """Return the rate of a bound at a distortion, in bit/sample.

    Args:
        points: (distortion, bit/sample) in the order of rising distortion, as ``SweepHistory.bounds`` has them.
        distortion: 1 − accuracy.

    Returns:
        The rate on the straight line between the two points beside it. Above the greatest distortion it is that
        point's rate, which is 0 where the bound ends at zero rate. None below the least distortion: the bound says
        nothing there.

    Raises:
        ValueError: There is no point.
    """
    if not points:
        raise ValueError("a bound has at least one point")
    least, rate = points[0]
    if distortion < least - ROUNDING:
        return None
    if distortion <= least:
        return rate
    for (d0, r0), (d1, r1) in pairwise(points):
        if distortion <= d1:
            return r0 + (distortion - d0) / (d1 - d0) * (r1 - r0)
    return points[-1][1]


def falling_points(points: Iterable[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    """Return points whose distortions rise, and whose rates do not: what ``BoundsReady`` may hold.

    Args:
        points: (distortion, bit/sample) in the order of distortions that do not fall. Of equal distortions the last
            point's rate counts, and a rate above the one before it (by rounding, or within a solver's certificate) is
            lowered to that.
    """
    kept: list[tuple[float, float]] = []
    for distortion, rate in points:
        least = min(rate, kept[-1][1]) if kept else rate
        if kept and distortion <= kept[-1][0]:
            kept.pop()
        kept.append((distortion, least))
    return tuple(kept)
