"""K equiprobable classes, for any K: RA equation 4, computed from log2 K.

K itself is never formed: RA counts 6.4e45 classes for detection, and larger images give more than a float can
hold. With A = 1 - D,

    R = A log K - D log(1 - 1/K) - h(D),     -dR/dD = log(K - 1) + log(A/D),

where log(K - 1) = log K + log(1 - 1/K). All terms but h(D) are nonnegative, so nothing large cancels.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy.special import entr, expit

from ratefront.bounds.source.distributions import FloatArray, as_distortions
from ratefront.errors import InputError


class EquiprobableClasses:
    """The rate–distortion function of K equiprobable classes under Hamming distortion, in closed form.

    Args:
        log2_classes: log2 K.

    Raises:
        InputError: log2 K is negative or not finite.
    """

    critical_slope = 0.0

    def __init__(self, log2_classes: float) -> None:
        if not (math.isfinite(log2_classes) and log2_classes >= 0.0):
            raise InputError(f"log2 of the number of classes must be finite and >= 0, got {log2_classes}")
        self._log_classes = log2_classes * math.log(2)
        others = self.zero_rate_distortion  # (K - 1)/K, by expm1: exact for few classes and for many
        self._log_others_share = math.log(others) if others > 0.0 else 0.0

    @property
    def zero_rate_distortion(self) -> float:
        """D0 = 1 - 1/K, which rounds to 1 where K exceeds a float's precision."""
        return -math.expm1(-self._log_classes)

    def rate_bits(self, distortion: npt.ArrayLike) -> FloatArray:
        """Return R(D) in bit, in the shape of `distortion`; 0 from D0 on.

        Raises:
            InputError: a distortion outside [0, 1] or not finite.
        """
        d = as_distortions(distortion)
        nats = (1.0 - d) * self._log_classes - d * self._log_others_share - entr(d) - entr(1.0 - d)
        return np.where(d >= self.zero_rate_distortion, 0.0, np.maximum(nats, 0.0) / np.log(2))

    def distortion_at_slope(self, slope: float) -> float:
        """Return D where -dR/dD is `slope` nat; infinity gives 0."""
        if self._log_classes == 0.0:
            return 0.0
        distortion = float(expit(self._log_classes + self._log_others_share - slope))
        return min(distortion, self.zero_rate_distortion)
