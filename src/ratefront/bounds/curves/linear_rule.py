"""The accuracy that a bit buys where there are many classes: RA equations 5 and 6. A rule of thumb, not a bound.

It drops h(D) from the oracle, so it lies above the oracle, by at most 1 bit, whatever K.
"""

from __future__ import annotations

import math

import numpy as np

from ratefront.bounds.curve import RateDistortionCurve
from ratefront.bounds.curve_names import LINEAR_RULE
from ratefront.bounds.curves.oracle import CLOSED_FORM_POINTS
from ratefront.errors import InputError


def linear_rule(log2_classes: float, points: int = CLOSED_FORM_POINTS) -> RateDistortionCurve:
    """Compute RA equation 5, R = A log2 K, from (D = 0, log2 K) to (D = 1, 0); RA draws it up to D = 1 - 1/K.

    Args:
        log2_classes: log2 K.
        points: number of points, at least 2.

    Raises:
        InputError: log2 K is negative or not finite, or fewer than two points.

    Example:
        >>> round(linear_rule(log2_classes=10.0).rate_at(0.2), 9)  # 1024 classes at 80 % accuracy
        8.0
    """
    if not (math.isfinite(log2_classes) and log2_classes >= 0.0):
        raise InputError(f"log2 of the number of classes must be finite and >= 0, got {log2_classes}")
    if points < 2:
        raise InputError(f"a line needs at least 2 points, got {points}")
    distortion = np.linspace(0.0, 1.0, points)
    return RateDistortionCurve.of_kind(LINEAR_RULE, (1.0 - distortion) * log2_classes, distortion)


def accuracy_per_bit(log2_classes: float) -> float:
    """Return the accuracy that each further bit buys, about 1/log2 K (RA equation 6).

    Raises:
        InputError: one class, or log2 K not finite.

    Example:
        >>> accuracy_per_bit(10.0)
        0.1
    """
    if not (math.isfinite(log2_classes) and log2_classes > 0.0):
        raise InputError(f"log2 of the number of classes must be finite and > 0, got {log2_classes}")
    return 1.0 / log2_classes
