"""Indirect estimate and compress (MA III.A.2): the task model's decision is compressed for the labels.

Blahut–Arimoto on p(y~) with d^(y~, y^) = 1 - P(Y = y^ | y~), MA equations 15–19. There are three estimates of
P(Y = y | y~): the confusion counts (plug-in, here), the mean posterior of the samples with that decision (here),
and the counts of other samples (`statistics.held_out`).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import sparse

from ratefront.bounds.curve import RateDistortionCurve
from ratefront.bounds.curve_names import (
    COST,
    ERRORS,
    INDIRECT_ESTIMATE_AND_COMPRESS,
    INDIRECT_POSTERIOR,
    DistortionMeasure,
)
from ratefront.bounds.solver.block_distortion import BlockKernel, MatrixDistortion
from ratefront.bounds.solver.curve_tracing import arrays_of
from ratefront.bounds.solver.kernels import Kernel, SparseGain, SparseGainKernel, factors
from ratefront.bounds.solver.solved_curve import (
    MAX_ITERATIONS,
    SOLVED_SLOPES,
    TOLERANCE_BITS,
    RateDistortionProblem,
    SolvedPoint,
    solve_curve,
)
from ratefront.bounds.source.confusion import Confusion, Joint
from ratefront.bounds.source.distributions import FloatArray, checked_cost
from ratefront.bounds.source.predictions import Predictions
from ratefront.bounds.source.scores import blocks_of, posterior_rows
from ratefront.errors import InputError

SPARSE_SHARE = 0.1
"""A confusion with a greater share of occupied cells is handled as a dense matrix."""


def indirect_estimate_and_compress(
    joint: Joint,
    points: int = SOLVED_SLOPES,
    tolerance_bits: float = TOLERANCE_BITS,
    max_iterations: int = MAX_ITERATIONS,
    *,
    cost: npt.ArrayLike | None = None,
) -> RateDistortionCurve:
    """Compute iE&C, plug-in: the joint p(y, y~) is taken for the truth.

    It goes from its least distortion 1 - sum_y~ max_y p(y, y~), which is at most D_TM, to (D0, 0 bit). With `cost`
    the receiver answers with one of M actions, and d(y, action) = cost[y, action] replaces the error.

    Warns with UnconvergedWarning where a point's certified gap stays above the tolerance; the gaps are in the
    curve in any case.

    Args:
        joint: p(y, y~), shape (K, K), rows are labels, sparse or dense.
        points: number of solved slopes.
        tolerance_bits: the certified gap asked for at each slope.
        max_iterations: evaluations of the kernel for each slope.
        cost: shape (K, M), finite and nonnegative.

    Raises:
        InputError: not a joint distribution, a cost that does not fit, no point, or a tolerance that is not
            positive.

    Example:
        >>> curve = indirect_estimate_and_compress([[0.45, 0.05], [0.05, 0.45]])
        >>> round(curve.least_distortion, 3), round(curve.rate_at(0.1), 3)
        (0.1, 1.0)
    """
    confusion = Confusion(joint)
    problem = (
        indirect_problem(confusion, tolerance_bits)
        if cost is None
        else _problem_with_cost(confusion, cost, tolerance_bits)
    )
    measure = ERRORS if cost is None else COST
    traced = solve_curve(problem, points, tolerance_bits, max_iterations)
    return _curve(INDIRECT_ESTIMATE_AND_COMPRESS, traced, measure)


def indirect_from_posteriors(
    predictions: Predictions, points: int = SOLVED_SLOPES, tolerance_bits: float = TOLERANCE_BITS
) -> RateDistortionCurve:
    """Compute iE&C with P(Y = y | y~) = the mean posterior of the samples with decision y~.

    The distortion is measured on the labels. The fit does not use them, so the measurement is not optimistic. It
    is no minimum on the labels either, so the curve need not be convex. `distortion_expected` is what the
    posteriors expect.

    Args:
        predictions: with posteriors.
        points: number of solved slopes.
        tolerance_bits: the certified gap asked for at each slope.

    Raises:
        InputError: the predictions are decisions only.

    Example:
        >>> predictions = Predictions.from_probabilities([0, 1], [[0.9, 0.1], [0.1, 0.9]])
        >>> curve = indirect_from_posteriors(predictions)
        >>> round(curve.least_distortion, 3), round(curve.expected().least_distortion, 3)
        (0.0, 0.1)
    """
    confusion = Confusion(predictions.joint)
    expected = mean_posteriors(predictions, confusion.decided)
    source = confusion.estimate_prior[confusion.decided]
    traced = solve_curve(
        _dense(source, np.maximum(1.0 - expected, 0.0), 1.0 - source @ expected, tolerance_bits),
        points,
        tolerance_bits,
    )
    measured = _measured(confusion, expected, traced)
    return _curve(INDIRECT_POSTERIOR, traced, measured=measured)


def mean_posteriors(predictions: Predictions, decided: npt.NDArray[np.bool_]) -> FloatArray:
    """Return the mean posterior of the samples with each decision that occurs, shape (R, K).

    There are at most as many rows as samples, so that the result takes no more memory than the scores in double
    precision, however many classes there are.

    Args:
        predictions: with posteriors.
        decided: whether a class occurs as a decision, shape (K,).

    Raises:
        InputError: the predictions are decisions only.
    """
    if predictions.log_probabilities is None:
        raise InputError("the posterior-based iE&C needs logits or probabilities, not decisions alone")
    row_of_class, size = np.cumsum(decided) - 1, int(np.count_nonzero(decided))
    total = np.zeros((size, predictions.classes))
    for rows in blocks_of(predictions.log_probabilities.shape):
        decision = row_of_class[predictions.predicted[rows]]
        belongs = sparse.csr_array(
            (np.ones(decision.size), (decision, np.arange(decision.size))), (size, decision.size)
        )
        total += np.asarray(belongs @ posterior_rows(predictions.log_probabilities[rows]))
    return np.asarray(total / np.bincount(row_of_class[predictions.predicted], minlength=size)[:, None])


def indirect_problem(confusion: Confusion, tolerance_bits: float = TOLERANCE_BITS) -> RateDistortionProblem:
    """Return the problem that the plug-in iE&C solves; its outputs are the classes that occur as labels.

    Labels that never occur are no candidates: they would be wrong for every decision.
    """
    gain = sparse.csr_array(confusion.posterior_given_estimate[:, confusion.label_prior > 0])
    source = confusion.estimate_prior[confusion.decided]
    constant = np.maximum(1.0 - confusion.label_prior[confusion.label_prior > 0], 0.0)
    if gain.nnz > SPARSE_SHARE * gain.shape[0] * gain.shape[1]:
        return _dense(source, np.maximum(1.0 - gain.toarray(), 0.0), constant, tolerance_bits)
    ready = SparseGain(gain)
    return RateDistortionProblem(source, lambda slope: SparseGainKernel(ready, slope), constant)


def _problem_with_cost(
    confusion: Confusion, cost: npt.ArrayLike, tolerance_bits: float
) -> RateDistortionProblem:
    costs = checked_cost(cost, confusion.classes)
    expected = np.asarray(confusion.posterior_given_estimate @ costs)
    return _dense(
        confusion.estimate_prior[confusion.decided], expected, confusion.label_prior @ costs, tolerance_bits
    )


def _dense(
    source: FloatArray, distortion: FloatArray, constant_distortion: FloatArray, tolerance_bits: float
) -> RateDistortionProblem:
    matrix = MatrixDistortion(distortion, tolerance_bits)

    def kernel_at(slope: float) -> Kernel:
        return BlockKernel(matrix, slope)

    return RateDistortionProblem(source, kernel_at, constant_distortion)


def _measured(confusion: Confusion, expected: FloatArray, traced: list[SolvedPoint]) -> FloatArray:
    """Compute 1 - sum p(y, y~) Q(y | y~) for each point; the channel is needed only where p(y, y~) > 0."""
    pairs = confusion.joint.T.tocsr()[confusion.decided].tocoo()
    decision, label = pairs.coords
    above = expected.max(axis=1)[decision] - expected[decision, label]

    def measured(point: SolvedPoint) -> float:
        if point.state is None:
            constant = np.argmax(confusion.estimate_prior[confusion.decided] @ expected)
            return float(1.0 - confusion.label_prior[constant])
        channel = factors(above, point.slope) * point.state.output[label] / point.state.normaliser[decision]
        return float(np.clip(1.0 - pairs.data @ channel, 0.0, 1.0))

    return np.array([measured(point) for point in traced])


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
        along=None if measured is None else np.arange(measured.size),
        measure=measure,
    )
