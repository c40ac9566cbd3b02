"""The oracle as an alarm: a codec below it has seen the labels, or its bits are miscounted.

Take a codec with deterministic decisions for each sample and with fixed tables. For the empirical distribution of
the very samples that it coded, rate >= H(Y^) >= I(Y; Y^) >= R(D) holds (Gibbs' inequality, data processing). So
the test has no sampling error. The argument fails for a codec that draws at random or uses the sample's position.
There the expected distortion counts, and the measured one only estimates it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import betaincinv

from ratefront.bounds.curves.oracle import oracle_rate_bits
from ratefront.bounds.source.distributions import as_classes, prior_from_labels
from ratefront.errors import InputError

ROUNDING_BITS = 1e-9
CONFIDENCE = 0.999


def below_oracle(
    labels: npt.ArrayLike,
    decoded: npt.ArrayLike,
    rate_bits_per_sample: float,
    classes: int,
    *,
    draws_or_uses_position: bool = False,
) -> float | None:
    """Return how many bits a codec lies below the oracle of these samples' label counts; None if it does not.

    Args:
        labels: true classes, shape (N,), 0..K-1.
        decoded: classes that the receiver computed, shape (N,), 0..K-1.
        rate_bits_per_sample: all counted bits, divided by N.
        classes: K.
        draws_or_uses_position: test at the one-sided 99.9 % Clopper–Pearson upper limit of the distortion instead
            of at the distortion itself.

    Raises:
        InputError: arrays that do not fit, classes out of range, a rate that is negative or not finite.

    Example:
        >>> below_oracle([0, 1, 2, 3], [0, 1, 2, 3], rate_bits_per_sample=1.5, classes=4)  # H(Y) is 2 bit
        0.5
        >>> below_oracle([0, 1, 2, 3], [0, 1, 2, 3], rate_bits_per_sample=2.0, classes=4) is None
        True
    """
    y, y_hat = as_classes(labels, classes, "labels"), as_classes(decoded, classes, "decoded")
    if y.size != y_hat.size:
        raise InputError(f"labels and decoded must have one length, they have {y.size} and {y_hat.size}")
    if not (np.isfinite(rate_bits_per_sample) and rate_bits_per_sample >= 0.0):
        raise InputError(f"a rate must be finite and >= 0 bit, got {rate_bits_per_sample}")
    errors = int(np.count_nonzero(y != y_hat))
    distortion = upper_error_rate(errors, y.size) if draws_or_uses_position else errors / y.size
    oracle = float(oracle_rate_bits(prior_from_labels(y, classes), distortion))
    return oracle - rate_bits_per_sample if rate_bits_per_sample + ROUNDING_BITS < oracle else None


def upper_error_rate(errors: int, samples: int, confidence: float = CONFIDENCE) -> float:
    """Return the one-sided Clopper–Pearson upper limit of an error probability.

    Args:
        errors: number of wrong samples.
        samples: number of all samples, at least 1.
        confidence: in (0, 1).

    Raises:
        InputError: no sample, or errors outside 0..samples.

    Example:
        >>> round(upper_error_rate(5, 100), 3)
        0.155
    """
    if not 0 <= errors <= samples or samples == 0:
        raise InputError(f"needs 0 <= errors <= samples and a sample, got {errors} of {samples}")
    return 1.0 if errors == samples else float(betaincinv(errors + 1, samples - errors, confidence))
