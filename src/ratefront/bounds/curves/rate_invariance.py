"""The rate–invariance line (LL Theorem 2), and the entropy that it needs for known maximal invariants.

M(X) is a maximal invariant of an equivalence: it tells apart what is not equivalent, and nothing else. Consider
every task that is invariant to the equivalence, and allow each at most delta bit of log loss above what X itself
would allow. That takes max(0, H[M(X)] - delta) bit. M must be discrete with a finite entropy.
"""

from __future__ import annotations

import math
import operator

import numpy as np
import numpy.typing as npt

from ratefront.bounds.curve import RateDistortionCurve
from ratefront.bounds.curve_names import LOG_LOSS, RATE_INVARIANCE
from ratefront.bounds.curves.oracle import CLOSED_FORM_POINTS
from ratefront.bounds.source.distributions import FloatArray
from ratefront.bounds.source.distributions import entropy_bits as entropy_of
from ratefront.errors import InputError

DEVIATIONS = 20
"""Half the width of the binomial that is summed, in standard deviations: less than 1e-86 lies outside."""

MOST_FLIPS = 10**12


def rate_invariance_curve(entropy_bits: float, points: int = CLOSED_FORM_POINTS) -> RateDistortionCurve:
    """Compute LL Theorem 2 from (0, H[M(X)]) to (H[M(X)], 0), both in bit; a single point where the entropy is 0.

    Args:
        entropy_bits: H[M(X)].
        points: number of points, at least 2.

    Raises:
        InputError: an entropy that is negative or not finite, or fewer than two points.

    Example:
        >>> line = rate_invariance_curve(supervised_entropy_bits([0.5, 0.25, 0.25]))
        >>> line.rate_at(0.0), round(line.rate_at(0.5), 9)  # the distortion is log loss in bit
        (1.5, 1.0)
    """
    rate = falling_line(entropy_bits, points)
    return RateDistortionCurve.of_kind(RATE_INVARIANCE, rate, rate[::-1], measure=LOG_LOSS)


def falling_line(entropy_bits: float, points: int) -> FloatArray:
    """Return rates from `entropy_bits` to 0 in equal steps, shape (points,); reversed they are the distortions.

    Raises:
        InputError: an entropy that is negative or not finite, or fewer than two points.
    """
    if not (math.isfinite(entropy_bits) and entropy_bits >= 0.0):
        raise InputError(f"an entropy must be finite and >= 0 bit, got {entropy_bits}")
    if points < 2:
        raise InputError(f"a line needs at least 2 points, got {points}")
    return np.linspace(entropy_bits, 0.0, points if entropy_bits > 0.0 else 1)


def supervised_entropy_bits(prior: npt.ArrayLike) -> float:
    """Return H(Y) in bit for a prior of shape (K,): samples with the same label are equivalent, so M(X) = Y.

    Raises:
        InputError: not a distribution.

    Example:
        >>> supervised_entropy_bits([0.5, 0.25, 0.25])
        1.5
    """
    return entropy_of(prior)


def finite_set_entropy_bits(elements: int) -> float:
    """Return log2 N: M(X) is one of N equiprobable elements, for instance the images of a data set.

    Raises:
        InputError: not an integer >= 1.

    Example:
        >>> finite_set_entropy_bits(1024)
        10.0
    """
    return math.log2(_whole(elements, "the elements of a set", 1))


def coin_flips_entropy_bits(flips: int) -> float:
    """Return H(Binomial(n, 1/2)) in bit: n fair coin flips whose order does not matter; M(X) is the number of heads.

    Successive probabilities have the ratio (n - k)/(k + 1). The logarithms are summed from the mode outwards and
    the result is normalised, so that nothing overflows and no large factorials cancel.

    Raises:
        InputError: not an integer in 0..10^12.

    Example:
        >>> coin_flips_entropy_bits(2)
        1.5
    """
    n = _whole(flips, "the number of flips", 0)
    if n > MOST_FLIPS:
        raise InputError(f"the number of flips must be <= {MOST_FLIPS}, got {n}")
    mode = (n + 1) // 2
    last = min(n, mode + math.ceil(DEVIATIONS * math.sqrt(n) / 2.0))
    k = np.arange(mode, last, dtype=np.float64)
    upper = np.concatenate([[0.0], np.cumsum(np.log((n - k) / (k + 1.0)))])
    mirrored = upper if n % 2 else upper[1:]  # an odd n has two modes, an even one has one
    log_weight = np.concatenate([mirrored[::-1], upper])
    weight = np.exp(log_weight)
    total = weight.sum()
    return float(max(0.0, np.log(total) - weight @ log_weight / total) / np.log(2))


def _whole(number: int, what: str, least: int) -> int:
    try:
        whole = operator.index(number)
    except TypeError as error:
        raise InputError(f"{what} must be an integer: {error}") from error
    if whole < least:
        raise InputError(f"{what} must be >= {least}")
    return whole
