"""The rival: Blahut-Arimoto as the textbooks have it (Blahut 1972), in NumPy, written with care.

Dense matrices in double precision, two products of matrix and vector a step, no acceleration, a uniform
start; it stops on the same certificate as ours, the gap log2 max_j c_j.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PlainPoint:
    """One point of a rate-distortion curve; at this distortion the curve lies at most gap_bits lower."""

    rate_bits: float
    distortion: float
    gap_bits: float
    iterations: int


def plain_blahut_arimoto(
    source: FloatArray, distortion: FloatArray, slope: float, tolerance_bits: float, most_iterations: int
) -> PlainPoint:
    """The point at a slope in nat (infinity included) of a source (n,) with a distortion matrix (n, m)."""
    floor = distortion.min(axis=1)
    above = distortion - floor[:, None]
    kernel = np.exp(np.multiply(above, -slope, out=np.zeros_like(above), where=above > 0))
    output = np.full(distortion.shape[1], 1.0 / distortion.shape[1])
    for iteration in itertools.count(1):
        normaliser = kernel @ output
        weight = source / normaliser
        gain = weight @ kernel
        gap_bits = float(np.log2(gain.max()))
        if gap_bits <= tolerance_bits or iteration == most_iterations:
            break
        output = output * gain
    excess = float(weight @ ((kernel * above) @ output))
    rate_bits = _rate_bits(source, output, normaliser, gain, slope * excess if excess > 0 else 0.0)
    return PlainPoint(rate_bits, float(source @ floor) + excess, gap_bits, iteration)


def _rate_bits(
    source: FloatArray, output: FloatArray, normaliser: FloatArray, gain: FloatArray, spent: float
) -> float:
    """I(X; Y^) of the channel Q[i, j] = q[j] kernel[i, j] / Z[i], whose output distribution is q c."""
    log_gain = np.log(gain, out=np.zeros_like(gain), where=gain > 0)
    nats = -spent - source @ np.log(normaliser) - (output * gain) @ log_gain
    return float(nats / np.log(2))
