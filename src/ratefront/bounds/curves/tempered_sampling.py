"""Rate and errors of drawing from softmax(lambda f(x)), at any inverse temperatures lambda.

MA's appendix: I(X; Y^) = H(mean posterior) - mean entropy, D = 1 - mean P(Y^ = y_i | x_i).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.special import xlogy

from ratefront.bounds.source.distributions import FloatArray, IntArray
from ratefront.bounds.source.scores import RealArray, blocks_of, centred_rows

ROUNDING_BITS = 1e-12


class SampledPoints(NamedTuple):
    """Points of S&C, each array of shape (L,).

    Attributes:
        rate_bits: I(X; Y^).
        distortion: on the labels.
        distortion_expected: as the posteriors expect it.
    """

    rate_bits: FloatArray
    distortion: FloatArray
    distortion_expected: FloatArray


def sampled_points(f: RealArray, y: IntArray, lambdas: Sequence[float]) -> SampledPoints:
    """Compute the points at the given inverse temperatures; 0 and infinity are allowed.

    Args:
        f: scores, shape (N, K).
        y: labels, shape (N,).
        lambdas: L inverse temperatures.
    """
    sums = [_Sums(np.zeros(f.shape[1])) for _ in lambdas]
    for rows in blocks_of(f.shape):
        centred = centred_rows(f[rows])
        posterior, scratch = np.empty_like(centred), np.empty_like(centred)
        _tempered(centred, 1.0, posterior)
        for total, inverse_temperature in zip(sums, lambdas, strict=True):
            entropy = _tempered(centred, inverse_temperature, scratch)
            total.add(scratch, entropy, posterior, y[rows])
    return SampledPoints(*np.array([total.point(y.size) for total in sums]).T)


@dataclass(slots=True)
class _Sums:
    mean: FloatArray
    entropy: float = 0.0
    hits: float = 0.0
    expected_hits: float = 0.0

    def add(self, drawn: FloatArray, entropy: float, posterior: FloatArray, y: IntArray) -> None:
        self.mean += drawn.sum(axis=0)
        self.entropy += entropy
        self.hits += float(drawn[np.arange(y.size), y].sum())
        self.expected_hits += float(np.vdot(drawn, posterior))

    def point(self, samples: int) -> tuple[float, float, float]:
        mean = self.mean / samples
        nats = -float(xlogy(mean, mean).sum()) - self.entropy / samples
        bits = nats / float(np.log(2))
        missed = np.clip(1.0 - np.array([self.hits, self.expected_hits]) / samples, 0.0, 1.0)
        return bits if bits > ROUNDING_BITS else 0.0, float(missed[0]), float(missed[1])


def _tempered(centred: FloatArray, inverse_temperature: float, scratch: FloatArray) -> float:
    """Write softmax(lambda f) into `scratch`, shape (b, K); return the sum of its rows' entropies in nat."""
    if np.isinf(inverse_temperature):
        scratch.fill(0.0)
        scratch[np.arange(len(centred)), centred.argmax(axis=1)] = 1.0  # of equals the first: the decision
        return 0.0
    with np.errstate(over="ignore"):  # to -inf, of which the exponential is 0
        np.multiply(centred, inverse_temperature, out=scratch)
    np.exp(scratch, out=scratch)
    normaliser = scratch.sum(axis=1)
    scratch /= normaliser[:, None]
    tilt = inverse_temperature * float(np.einsum("ij,ij->", scratch, centred))
    return float(np.log(normaliser).sum()) - tilt
