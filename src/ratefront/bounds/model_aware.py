"""Bounds that know the task model through its decisions: E&C, iE&C and time sharing (MA section III.A).

All take the joint p(y, y~) of label and decision, shape (K, K), sparse or dense; D is always P(Y^ != Y) on
the labels.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import sparse

from ratefront.bounds.blahut_arimoto import solve_kernel
from ratefront.bounds.curve import RateDistortionCurve
from ratefront.bounds.kernels import SparseGainKernel
from ratefront.bounds.names import (
    CURVE_KINDS,
    ESTIMATE_AND_COMPRESS,
    INDIRECT_ESTIMATE_AND_COMPRESS,
    TIME_SHARING,
)
from ratefront.bounds.oracle import CLOSED_FORM_POINTS, trace_water_filling
from ratefront.bounds.source import FloatArray, as_distribution, entropy_bits
from ratefront.bounds.tracing import TracedPoint, trace_convex
from ratefront.bounds.water_filling import HammingChannel, WaterFilling
from ratefront.errors import InputError

SOLVED_SLOPES = 60
GREATEST_CRITICAL_SLOPE = 600.0
BISECTIONS = 40
EVERY_CLASS = 1e-2
COINCIDENT = 1e-12
"""Distortions closer than this are one: relative frequencies differ by at least 1/N, rounding by far less."""

Joint = sparse.csr_array | npt.ArrayLike


class Confusion:
    """The joint p(y, y~) and what follows from it.

    Attributes:
        joint: sparse, shape (K, K), rows are labels.
        label_prior, estimate_prior: p(y) and p(y~), shape (K,).

    Raises:
        InputError: not square, negative, not finite, or not summing to 1 (fatal).
    """

    def __init__(self, joint: Joint) -> None:
        self.joint = _checked_joint(joint)
        self.label_prior = as_distribution(self.joint.sum(axis=1), "p(y)")
        self.estimate_prior = as_distribution(self.joint.sum(axis=0), "p(y~)")

    @property
    def task_model_distortion(self) -> float:
        """D_TM = P(Y~ != Y), MA equation 8."""
        return max(0.0, float(1.0 - self.joint.diagonal().sum()))

    @property
    def zero_rate_distortion(self) -> float:
        """D0 = 1 - max_y p(y)."""
        return max(0.0, float(1.0 - self.label_prior.max()))

    @property
    def estimate_entropy_bits(self) -> float:
        """H(Y~)."""
        return entropy_bits(self.estimate_prior)


def estimate_and_compress(joint: Joint, points: int = CLOSED_FORM_POINTS) -> RateDistortionCurve:
    """E&C (MA III.A.1): exact water-filling on p(y~), D through the joint.

    From (D_TM, H(Y~)) to the likeliest decision whatever the input, at 0 bit.
    """
    confusion = Confusion(joint)
    filling = WaterFilling(confusion.estimate_prior)
    traced = trace_water_filling(filling, points)
    distortion = [_task_distortion(confusion, filling.channel(p.distortion)) for p in traced]
    return _curve(ESTIMATE_AND_COMPRESS, np.array([p.rate_bits for p in traced]), np.array(distortion))


def indirect_estimate_and_compress(
    joint: Joint, points: int = SOLVED_SLOPES, tolerance_bits: float = 1e-5, max_iterations: int = 20_000
) -> RateDistortionCurve:
    """iE&C (MA III.A.2, equations 15-19): Blahut-Arimoto on p(y~) with d^(y~, y^) = 1 - P(Y = y^ | y~),
    plug-in.

    From its least distortion 1 - sum_y~ max_y p(y, y~), at most D_TM, to (D0, 0 bit). Warns
    (UnconvergedWarning) where a point's certified gap stays above the tolerance; the gaps are in the curve
    in any case.
    """
    confusion = Confusion(joint)
    source, gain = _posterior_given_estimate(confusion)

    def solve(slope: float, *neighbours: TracedPoint) -> TracedPoint:
        kernel = SparseGainKernel(gain, slope)
        result = solve_kernel(source, kernel, _warm_start(neighbours), tolerance_bits, max_iterations)
        return TracedPoint(result.distortion, result.rate_bits, slope, result.gap_bits, result.output)

    left, right = solve(np.inf), _zero_rate_point(confusion, source, gain)
    coincident = left.distortion >= right.distortion - COINCIDENT
    traced = [right] if coincident else trace_convex(solve, left, right, points)
    rate, distortion, gap = np.array([(p.rate_bits, p.distortion, p.gap_bits) for p in traced]).T
    return _curve(INDIRECT_ESTIMATE_AND_COMPRESS, rate, distortion, gap)


def time_sharing(joint: Joint, points: int = CLOSED_FORM_POINTS) -> RateDistortionCurve:
    """MA equation 22: the line from (D_TM, H(Y~)) to (D0, 0).

    Behind a task model that errs more than a constant the line rises with D and is of no use to anyone;
    `envelope` then leaves the zero-rate point alone.
    """
    confusion = Confusion(joint)
    share = np.linspace(1.0, 0.0, points)
    rate = share * confusion.estimate_entropy_bits
    d_tm, d0 = confusion.task_model_distortion, confusion.zero_rate_distortion
    distortion = share * d_tm + (1.0 - share) * d0
    return _curve(TIME_SHARING, rate, distortion)


def _task_distortion(confusion: Confusion, channel: HammingChannel) -> float:
    """MA equations 12-14 without forming p(y^|y): off its diagonal the channel hardly knows its input."""
    normaliser = channel.normaliser
    inverse = np.divide(1.0, normaliser, out=np.zeros_like(normaliser), where=normaliser > 0)
    leaked = (channel.output @ confusion.joint) @ inverse
    kept = (confusion.joint.diagonal() * channel.output) @ inverse
    return float(np.clip(1.0 - channel.leak * leaked - (1.0 - channel.leak) * kept, 0.0, 1.0))


def _posterior_given_estimate(confusion: Confusion) -> tuple[FloatArray, sparse.csr_array]:
    """p(y~) over the decisions that occur, and P(Y = y | y~): those as rows, labels that occur as columns."""
    occurs = confusion.estimate_prior > 0
    by_decision = confusion.joint.T.tocsr()[occurs][:, confusion.label_prior > 0]
    source = confusion.estimate_prior[occurs]
    gain = sparse.csr_array(sparse.diags_array(1.0 / source) @ by_decision)
    return source, gain


def _warm_start(neighbours: tuple[TracedPoint, ...]) -> FloatArray | None:
    """Between the neighbours' outputs, with a little of every class: one that both lack may be needed."""
    if not neighbours:
        return None
    mean = np.asarray(sum(point.state for point in neighbours) / len(neighbours))
    return np.asarray((1.0 - EVERY_CLASS) * mean + EVERY_CLASS / mean.size)


def _zero_rate_point(confusion: Confusion, source: FloatArray, gain: sparse.csr_array) -> TracedPoint:
    """(D0, 0 bit) with the greatest slope at which sending nothing is optimal: there max_j c_j = 1.

    A smaller slope would be a valid tangent too, so the search may stop short.
    """
    prior = confusion.label_prior[confusion.label_prior > 0]
    constant = np.zeros(prior.size)
    constant[int(np.argmax(prior))] = 1.0

    def nothing_is_best(slope: float) -> bool:
        kernel = SparseGainKernel(gain, slope)
        return bool(kernel.gather(source / kernel.weigh(constant)).max() <= 1.0 + 1e-11)

    low, high = 0.0, GREATEST_CRITICAL_SLOPE
    for _ in range(BISECTIONS):
        middle = (low + high) / 2.0
        low, high = (middle, high) if nothing_is_best(middle) else (low, middle)
    return TracedPoint(confusion.zero_rate_distortion, 0.0, low, state=constant)


def _checked_joint(joint: Joint) -> sparse.csr_array:
    given = joint if sparse.issparse(joint) else np.asarray(joint, dtype=np.float64)
    if given.ndim != 2 or given.shape[0] != given.shape[1] or given.shape[0] == 0:
        raise InputError(f"the joint p(y, y~) must have shape (K, K), it has {given.shape}")
    matrix = sparse.csr_array(given)
    matrix.sum_duplicates()
    matrix.eliminate_zeros()
    if not np.all(np.isfinite(matrix.data)) or np.any(matrix.data < 0):
        raise InputError("the joint p(y, y~) must be finite and nonnegative")
    as_distribution(matrix.data if matrix.nnz else [0.0], "the joint p(y, y~)")
    return sparse.csr_array(matrix / matrix.sum())


def _curve(
    name: str, rate: FloatArray, distortion: FloatArray, gap_bits: FloatArray | None = None
) -> RateDistortionCurve:
    kind = CURVE_KINDS[name]
    shaped = kind.is_rate_distortion_function
    return RateDistortionCurve(
        name, rate, distortion, gap_bits, kind.assumptions, monotone=shaped, convex=shaped
    )
