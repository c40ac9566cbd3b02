"""Lower convex hull of points in the rate-distortion plane."""

from __future__ import annotations

import numpy as np

from ratefront.bounds.source.distributions import FloatArray, IntArray


def lower_hull(distortion: FloatArray, rate_bits: FloatArray) -> IntArray:
    """Indices of the lower convex hull's vertices, by increasing distortion (Andrew's monotone chain)."""
    hull: list[int] = []
    for index in np.lexsort((rate_bits, distortion)):
        if hull and distortion[index] == distortion[hull[-1]]:
            continue
        while len(hull) > 1 and not _turns_up(distortion, rate_bits, hull[-2], hull[-1], int(index)):
            hull.pop()
        hull.append(int(index))
    return np.asarray(hull, dtype=np.int64)


def _turns_up(x: FloatArray, y: FloatArray, first: int, middle: int, last: int) -> bool:
    before = (y[middle] - y[first]) * (x[last] - x[middle])
    after = (y[last] - y[middle]) * (x[middle] - x[first])
    return bool(before < after)
