"""What lies lowest in the rate-distortion plane: the convex hull of points, the lower branch of a line."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ratefront.bounds.source import FloatArray, IntArray

ROUNDING_BITS = 1e-12


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


def lower_branch(distortion: FloatArray, rate: FloatArray) -> npt.NDArray[np.bool_]:
    """Which points of a line, in its own order, have no other part of the line below them."""
    low, high = np.minimum(distortion[:-1], distortion[1:]), np.maximum(distortion[:-1], distortion[1:])
    width = distortion[1:] - distortion[:-1]
    kept = np.ones(distortion.size, dtype=np.bool_)
    for i, (d, r) in enumerate(zip(distortion, rate, strict=True)):
        over = (low <= d) & (d <= high)
        share = np.divide(d - distortion[:-1], width, out=np.zeros_like(width), where=width != 0)
        line = np.where(width == 0, np.minimum(rate[:-1], rate[1:]), rate[:-1] + share * np.diff(rate))
        kept[i] = not np.any(line[over] < r - ROUNDING_BITS)
    return kept
