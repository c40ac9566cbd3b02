"""Object detection as classification: every set of labelled boxes is a class (RA equation 7).

Between 1 and `most_objects` objects lie in distinct ones of `positions` places, each of one of `classes` kinds:
K = sum_i C(positions, i) classes^i.
"""

from __future__ import annotations

import math
import operator

import numpy as np

from ratefront.errors import InputError

MOST_TERMS = 10_000_000
"""The most terms that are summed in logarithms; each takes a few float64."""


def detection_count(positions: int = 98, classes: int = 80, most_objects: int = 15) -> int:
    """Return K, exactly; the defaults are YOLO's on COCO (RA Fig. 2).

    Args:
        positions: number of places for an object.
        classes: number of kinds of objects.
        most_objects: the most objects in an image.

    Raises:
        InputError: an argument that is not an integer >= 1.

    Example:
        >>> detection_count(positions=2, classes=3, most_objects=2)  # 2 * 3 + 1 * 9
        15
    """
    n, kinds, most = _checked(positions, classes, most_objects)
    term, total = 1, 0
    for i in range(1, min(most, n) + 1):
        term = term * (n - i + 1) * kinds // i  # exact: the product is i * C(n, i) * kinds^i
        total += term
    return total


def detection_log2_count(positions: int = 98, classes: int = 80, most_objects: int = 15) -> float:
    """Return log2 K without forming K; arguments as `detection_count`.

    It sums the terms relative to the greatest one. Successive terms have the ratio classes (positions - i + 1)/i,
    which falls with i, so the greatest term is the last one that still grew. Its logarithm is summed exactly, so
    that the result has only rounding errors.

    Raises:
        InputError: an argument that is not an integer >= 1, or more than ten million terms.

    Example:
        >>> round(detection_log2_count(), 2)
        152.17
    """
    n, kinds, most = _checked(positions, classes, most_objects)
    terms = min(most, n)
    if terms > MOST_TERMS:
        raise InputError(f"at most {MOST_TERMS} objects can be summed over, got {terms}")
    i = np.arange(1, terms + 1, dtype=np.float64)
    growth = np.log((n - i + 1.0) / i) + math.log(kinds)
    peak = max(1, int(np.count_nonzero(growth > 0.0)))
    before = np.exp(-np.cumsum(growth[1:peak][::-1])).sum()
    after = np.exp(np.cumsum(growth[peak:])).sum()
    return float((math.fsum(growth[:peak]) + np.log1p(before + after)) / np.log(2))


def _checked(*numbers: int) -> tuple[int, ...]:
    try:
        whole = tuple(operator.index(number) for number in numbers)
    except TypeError as error:
        raise InputError(f"positions, classes and most_objects must be integers: {error}") from error
    if min(whole) < 1:
        raise InputError(f"positions, classes and most_objects must be >= 1, got {numbers}")
    return whole
