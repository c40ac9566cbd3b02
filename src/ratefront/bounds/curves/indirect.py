"""Indirect estimate and compress (MA III.A.2): the task model's decision is compressed for the labels.

Blahut-Arimoto on p(y~) with d^(y~, y^) = 1 - P(Y = y^ | y~), MA equations 15-19. What is known of
P(Y = y | y~) decides which estimate it is: the confusion counts (plug-in, here), the mean posterior of the
samples so decided (here), or the counts of other samples (`held_out`).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import sparse

from ratefront.bounds.confusion import Confusion, Joint
from ratefront.bounds.curve import RateDistortionCurve
from ratefront.bounds.names import (
    COST,
    ERRORS,
    INDIRECT_ESTIMATE_AND_COMPRESS,
    INDIRECT_POSTERIOR,
    DistortionMeasure,
)
from ratefront.bounds.predictions import Predictions
from ratefront.bounds.scores import blocks_of, posterior_rows
from ratefront.bounds.solver.blahut_arimoto import BlahutArimotoResult, solve_kernel
from ratefront.bounds.solver.kernels import DenseKernel, Kernel, SparseGainKernel
from ratefront.bounds.solver.solved_curve import (
    MAX_ITERATIONS,
    SOLVED_SLOPES,
    TOLERANCE_BITS,
    Problem,
    SolvedPoint,
    solve_curve,
)
from ratefront.bounds.solver.tracing import arrays_of
from ratefront.bounds.source import FloatArray, checked_cost
from ratefront.errors import InputError


def indirect_estimate_and_compress(
    joint: Joint,
    points: int = SOLVED_SLOPES,
    tolerance_bits: float = TOLERANCE_BITS,
    max_iterations: int = MAX_ITERATIONS,
    *,
    cost: npt.ArrayLike | None = None,
) -> RateDistortionCurve:
    """iE&C, plug-in: the joint p(y, y~) of shape (K, K) is taken for the truth.

    From its least distortion 1 - sum_y~ max_y p(y, y~), at most D_TM, to (D0, 0 bit). With `cost` of shape
    (K, M) the receiver answers with one of M actions and d(y, action) = cost[y, action] takes the place of the
    error. Warns (UnconvergedWarning) where a point's certified gap stays above the tolerance; the gaps are in
    the curve in any case.
    """
    confusion = Confusion(joint)
    problem = _counted(confusion) if cost is None else _costly(confusion, cost)
    measure = ERRORS if cost is None else COST
    traced = solve_curve(problem, points, tolerance_bits, max_iterations)
    return _curve(INDIRECT_ESTIMATE_AND_COMPRESS, traced, measure)


def indirect_from_posteriors(
    predictions: Predictions, points: int = SOLVED_SLOPES, tolerance_bits: float = TOLERANCE_BITS
) -> RateDistortionCurve:
    """iE&C with P(Y = y | y~) = the mean posterior of the samples decided y~; distortion on the labels.

    No label takes part in the fit, so the distortion is an honest measurement; that it is no minimum on the
    labels is why the curve need not be convex. `distortion_expected` is what the posteriors expect.

    Raises:
        InputError: the predictions are decisions only (fatal).
    """
    confusion = Confusion(predictions.joint)
    expected = mean_posteriors(predictions)[confusion.decided]
    source = confusion.estimate_prior[confusion.decided]
    problem = Problem(source, lambda slope: DenseKernel(1.0 - expected, slope), 1.0 - source @ expected)
    traced = solve_curve(problem, points, tolerance_bits)
    measured = np.array([_measured(confusion, expected, point, problem.best_constant) for point in traced])
    return _curve(INDIRECT_POSTERIOR, traced, measured=measured)


def mean_posteriors(predictions: Predictions) -> FloatArray:
    """Mean posterior of the samples decided y~, shape (K, K): rows are decisions, 0 where none is so decided."""
    if predictions.log_probabilities is None:
        raise InputError("the posterior-based iE&C needs logits or probabilities, not decisions alone")
    total = np.zeros((predictions.classes, predictions.classes))
    for rows in blocks_of(predictions.log_probabilities.shape):
        decided = predictions.predicted[rows]
        belongs = sparse.csr_array(
            (np.ones(decided.size), (decided, np.arange(decided.size))), (predictions.classes, decided.size)
        )
        total += np.asarray(belongs @ posterior_rows(predictions.log_probabilities[rows]))
    counts = np.bincount(predictions.predicted, minlength=predictions.classes)
    return np.asarray(total / np.maximum(counts, 1)[:, None])


def solve_indirect(
    confusion: Confusion,
    slope: float,
    start: FloatArray | None = None,
    tolerance_bits: float = TOLERANCE_BITS,
) -> BlahutArimotoResult:
    """One point of the plug-in iE&C; `output` and `start` are over the classes that occur as labels."""
    problem = _counted(confusion)
    return solve_kernel(problem.source, problem.kernel_at(slope), start, tolerance_bits)


def _counted(confusion: Confusion) -> Problem:
    """Labels that never occur are no candidates: whatever the decision, they would be wrong."""
    gain = sparse.csr_array(confusion.posterior_given_estimate[:, confusion.label_prior > 0])

    def kernel_at(slope: float) -> Kernel:
        return SparseGainKernel(gain, slope)

    prior = confusion.label_prior[confusion.label_prior > 0]
    return Problem(confusion.estimate_prior[confusion.decided], kernel_at, np.maximum(1.0 - prior, 0.0))


def _costly(confusion: Confusion, cost: npt.ArrayLike) -> Problem:
    costs = checked_cost(cost, confusion.classes)
    expected = np.asarray(confusion.posterior_given_estimate @ costs)
    source = confusion.estimate_prior[confusion.decided]
    return Problem(source, lambda slope: DenseKernel(expected, slope), confusion.label_prior @ costs)


def _measured(confusion: Confusion, expected: FloatArray, point: SolvedPoint, constant: int) -> float:
    """1 - sum p(y, y~) Q(y | y~) of the point's channel."""
    if point.state is None:
        return float(1.0 - confusion.label_prior[constant])
    above = expected.max(axis=1, keepdims=True) - expected
    hard = np.isinf(point.slope)
    weight = (above == 0.0) if hard else np.exp(-point.slope * above)
    channel = weight * point.state.output / point.state.normaliser[:, None]
    kept = confusion.joint.T.tocsr()[confusion.decided].multiply(channel)
    return float(np.clip(1.0 - kept.sum(), 0.0, 1.0))


def _curve(
    name: str,
    traced: list[SolvedPoint],
    measure: DistortionMeasure = ERRORS,
    measured: FloatArray | None = None,
) -> RateDistortionCurve:
    arrays = arrays_of(traced)
    return RateDistortionCurve.of_kind(
        name,
        arrays.rate_bits,
        arrays.distortion if measured is None else measured,
        gap_bits=arrays.gap_bits,
        slope=arrays.slope,
        distortion_expected=None if measured is None else arrays.distortion,
        measure=measure,
    )
