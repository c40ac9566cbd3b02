"""The exact rate–distortion function of a discrete source under Hamming distortion, for any prior (Erokhin 1958).

At slope s, with e = exp(-s), the optimal output is q_j = max(0, p_j/c - e)/(1 - e). It is the prior with a
constant level taken off: "water-filling". Let the k likeliest classes be active, with mass P. The sum rule gives c
= P/(1 + (k-1)e), and the accuracy A = 1 - D equals c. Class k becomes active at A_k = P_k - (k-1) p_k, so k
follows from A alone. With d = P - A,

    R = -sum_{j active} p_j log p_j + d log(d/(k-1)) + A log A,     e = d/(A (k-1)).

There is no iteration and no search: both directions (D to R, slope to D) are closed forms.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import xlogy

from ratefront.bounds.source.distributions import FloatArray, IntArray, as_distortions, as_distribution

TIE = 1e-12
"""Relative difference below which two probabilities are equal: relative frequencies of equal counts."""


@dataclass(frozen=True, slots=True)
class HammingChannel:
    """The optimal channel p(y^ | y) = q(y^) e^[y^ != y] / Z(y): the same for all inputs, apart from the diagonal.

    Attributes:
        output: q, shape (K,).
        error_factor: e = exp(-s) in [0, 1], the factor of every wrong answer; 1 where the output ignores the
            input.
        normaliser: Z = e + (1 - e) q, shape (K,).
    """

    output: FloatArray
    error_factor: float

    @property
    def normaliser(self) -> FloatArray:
        """Z, shape (K,)."""
        return self.error_factor + (1.0 - self.error_factor) * self.output


class WaterFilling:
    """The solution for one prior of shape (K,); classes of zero probability play no part.

    Raises:
        InputError: the prior is not a distribution.
    """

    def __init__(self, prior: npt.ArrayLike) -> None:
        self.prior = as_distribution(prior, "the prior")
        p = np.sort(self.prior[self.prior > 0])[::-1]
        ranks = np.arange(p.size)
        self._mass = np.minimum(np.cumsum(p), 1.0)
        self._mass[-1] = 1.0
        self._head_entropy = np.cumsum(-xlogy(p, p))
        self._entry_accuracy = np.maximum.accumulate(self._mass - ranks * p)
        self._entry_factor = np.minimum.accumulate(np.minimum(1.0, p / (self._mass - ranks * p)))

    @property
    def zero_rate_distortion(self) -> float:
        """D0 = 1 - max p, in [0, 1 - 1/K]."""
        return float(1.0 - self._entry_accuracy[0])

    @property
    def critical_slope(self) -> float:
        """-dR/dD in nat just left of D0: the logarithm of the ratio of the two likeliest classes."""
        return float(-np.log(self._entry_factor[1])) if self._entry_factor.size > 1 else np.inf

    def rate_bits(self, distortion: npt.ArrayLike) -> FloatArray:
        """Return R(D) in bit, in the shape of `distortion`; 0 from D0 on.

        Raises:
            InputError: a distortion outside [0, 1] or not finite.
        """
        accuracy = 1.0 - as_distortions(distortion)
        clipped = np.maximum(accuracy, self._entry_accuracy[0])
        active = self._active(clipped)
        excess = np.maximum(self._mass[active - 1] - clipped, 0.0)
        nats = self._head_entropy[active - 1] + xlogy(clipped, clipped)
        nats = nats + xlogy(excess, excess / np.maximum(active - 1, 1))
        return np.where(accuracy <= self._entry_accuracy[0], 0.0, np.maximum(nats, 0.0) / np.log(2))

    def distortion_at_slope(self, slope: float) -> float:
        """Return D where -dR/dD is `slope` nat; infinity gives 0."""
        error_factor = float(np.exp(-slope))
        active = max(1, int(np.count_nonzero(self._entry_factor > error_factor)))
        accuracy = self._mass[active - 1] / (1.0 + (active - 1) * error_factor)
        return float(np.clip(1.0 - accuracy, 0.0, self.zero_rate_distortion))

    def channel(self, distortion: float) -> HammingChannel:
        """Return the channel that achieves R(D).

        From D0 on it gives the likeliest class whatever the input; equally likely classes share evenly.
        """
        accuracy = float(1.0 - as_distortions(distortion))
        active = int(self._active(np.asarray(max(accuracy, self._entry_accuracy[0]))))
        if accuracy <= self._entry_accuracy[0] or active == 1:
            return self._constant()
        error_factor = max(self._mass[active - 1] - accuracy, 0.0) / (accuracy * (active - 1))
        if error_factor >= 1.0 - TIE:
            return self._constant()
        output = np.maximum(self.prior / accuracy - error_factor, 0.0)
        return HammingChannel(output / output.sum(), float(error_factor))

    def _constant(self) -> HammingChannel:
        likeliest = self.prior >= self.prior.max() * (1.0 - TIE)
        return HammingChannel(likeliest / likeliest.sum(), 1.0)

    def _active(self, accuracy: FloatArray) -> IntArray:
        return np.asarray(np.searchsorted(self._entry_accuracy, accuracy, side="right"), dtype=np.int64)
