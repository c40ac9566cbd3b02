"""The rival: Blahut-Arimoto as the textbooks have it (Blahut 1972), in NumPy, written with care.

Dense matrices in double precision, two products of matrix and vector a step, no acceleration, a uniform
start; it stops on the same certificate as ours, the gap log2 max_j c_j.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PlainPoint:
    """One point of a rate-distortion curve; gap_bits is certified, as in `ratefront.bounds`."""

    rate_bits: float
    distortion: float
    gap_bits: float
    iterations: int


def plain_blahut_arimoto(
    source: FloatArray, distortion: FloatArray, slope: float, tolerance_bits: float, most_iterations: int
) -> PlainPoint:
    """The point at a slope in nat (infinity included) of a source (n,) with a distortion matrix (n, m)."""
    above = distortion - distortion.min(axis=1, keepdims=True)
    kernel = np.exp(np.multiply(above, -slope, out=np.zeros_like(above), where=above > 0))
    output = np.full(distortion.shape[1], 1.0 / distortion.shape[1])
    for iteration in range(1, most_iterations + 1):
        normaliser = kernel @ output
        gain = (source / normaliser) @ kernel
        gap_bits = float(np.log2(gain.max()))
        if gap_bits <= tolerance_bits:
            break
        output = output * gain
    return _point(source, distortion, kernel * output / normaliser[:, None], gap_bits, iteration)


def _point(
    source: FloatArray, distortion: FloatArray, channel: FloatArray, gap_bits: float, iterations: int
) -> PlainPoint:
    joint = source[:, None] * channel
    used = joint > 0
    independent = source[:, None] * joint.sum(axis=0)
    rate_bits = float(np.sum(joint[used] * np.log2(joint[used] / independent[used])))
    return PlainPoint(rate_bits, float(np.sum(joint * distortion)), gap_bits, iterations)
