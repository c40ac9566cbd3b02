"""TMRD: the rate–distortion function behind a task model's posteriors, on the empirical distribution.

MA III.A.3 calls it intractable, because the posterior is continuous and high-dimensional. On the empirical
distribution of N samples it is neither: the source is the N samples, each with probability 1/N; the
reconstructions are the K classes; d(x_i, y^) = 1 - p(y^ | x_i). One step of Blahut–Arimoto costs O(N K).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ratefront.bounds.curve import SAME_DISTORTION, RateDistortionCurve
from ratefront.bounds.curve_names import COST, ERRORS, TASK_MODEL
from ratefront.bounds.solver.blahut_arimoto import BlahutArimotoResult, solve_kernel
from ratefront.bounds.solver.block_distortion import BlockKernel
from ratefront.bounds.solver.curve_tracing import PointArrays, arrays_of
from ratefront.bounds.solver.sample_distortion import SampleDistortion
from ratefront.bounds.solver.solved_curve import (
    SOLVED_SLOPES,
    RateDistortionProblem,
    SolvedPoint,
    solve_curve,
)
from ratefront.bounds.source.distributions import (
    FloatArray,
    IntArray,
    as_classes,
    checked_cost,
    entropy_bits,
    prior_from_labels,
)
from ratefront.bounds.source.scores import RealArray, checked_scores
from ratefront.errors import InputError

TOLERANCE_BITS = 1e-4
MAX_ITERATIONS = 2_000


def task_model_curve(
    scores: npt.ArrayLike,
    labels: npt.ArrayLike,
    points: int = SOLVED_SLOPES,
    tolerance_bits: float = TOLERANCE_BITS,
    max_iterations: int = MAX_ITERATIONS,
    *,
    cost: npt.ArrayLike | None = None,
) -> RateDistortionCurve:
    """Compute TMRD with the distortion measured on the labels.

    `expected()` of the result is the rate–distortion function itself. The rate counts I(X; Y^) over these very
    samples. Measured on the labels, the distortion of an overconfident model may turn back as the slope grows.

    Args:
        scores: logits or log-probabilities, shape (N, K); -inf for impossible classes.
        labels: shape (N,), 0..K-1.
        points: number of solved slopes, from the least expected distortion to the last one before 0 bit.
        tolerance_bits: the certified gap asked for at each slope. Below 1e-4 every step runs in double precision,
            with twice the time and memory for a large matrix.
        max_iterations: evaluations of the kernel for each slope.
        cost: shape (K, M): the receiver answers with one of M actions, with these costs. By default its answer is
            a class, which is correct or wrong.

    Raises:
        InputError: shapes that do not fit, NaN, +inf, a row without a finite score.

    Example:
        >>> curve = task_model_curve([[3.0, 0.0], [0.0, 3.0]], [0, 1])
        >>> round(curve.rate_at(0.0), 3), round(curve.expected().least_distortion, 3)  # on the labels; as expected
        (1.0, 0.047)
    """
    f = checked_scores(scores)
    y = as_classes(labels, f.shape[1], "labels")
    if y.size != f.shape[0]:
        raise InputError(f"scores have {f.shape[0]} rows but there are {y.size} labels")
    costs = None if cost is None else checked_cost(cost, f.shape[1])
    source = SampleDistortion(f, costs, tolerance_bits)
    traced = solve_curve(task_model_problem(source), points, tolerance_bits, max_iterations)
    measured = _measured_errors(source, y, traced) if costs is None else _measured_costs(source, y, traced)
    arrays = arrays_of(traced)
    if costs is None:
        arrays, measured = _with_decision(arrays, measured, f, y)
    return RateDistortionCurve.of_kind(
        TASK_MODEL,
        arrays.rate_bits,
        measured,
        gap_bits=arrays.gap_bits,
        slope=arrays.slope,
        distortion_expected=arrays.distortion,
        along=np.arange(measured.size),
        measure=ERRORS if costs is None else COST,
    )


def _with_decision(
    arrays: PointArrays, measured: FloatArray, f: RealArray, y: IntArray
) -> tuple[PointArrays, FloatArray]:
    """Put the decision itself in front, where it has fewer errors on the labels than every solved point.

    Where scores are tied, the cheapest channel of least expected distortion is another one. The decision is the
    first of equal scores.
    """
    decision = f.argmax(axis=1)
    errors = float(np.mean(decision != y))
    if errors >= measured.min() - SAME_DISTORTION:
        return arrays, measured
    rate_bits = entropy_bits(prior_from_labels(decision, f.shape[1]))
    cheapest = arrays.rate_bits[0]
    first = (rate_bits, arrays.distortion[0], max(0.0, rate_bits - cheapest) + arrays.gap_bits[0], np.inf)
    more = PointArrays(*(np.append(value, old) for value, old in zip(first, arrays, strict=True)))
    return more, np.append(errors, measured)


def task_model_point(
    scores: npt.ArrayLike,
    slope: float,
    tolerance_bits: float = TOLERANCE_BITS,
    max_iterations: int = MAX_ITERATIONS,
) -> BlahutArimotoResult:
    """Solve the point of `task_model_curve` where -dR/dD is `slope` nat, by the model's own expected distortion.

    Its channel is q(y^) e^{slope p(y^ | x)} / Z(x), with q its `output`. Warns with UnconvergedWarning where the
    certified gap stays above the tolerance.

    Args:
        scores: logits or log-probabilities, shape (N, K); -inf for impossible classes.
        slope: in nat per unit of distortion, at least 0.
        tolerance_bits: the certified gap asked for.
        max_iterations: evaluations of the kernel.

    Raises:
        InputError: shapes that do not fit, NaN, +inf, a row without a finite score, a slope below 0.
    """
    problem = task_model_problem(SampleDistortion(checked_scores(scores), tolerance_bits=tolerance_bits))
    return solve_kernel(problem.source, problem.kernel_at(slope), None, tolerance_bits, max_iterations)


def task_model_problem(source: SampleDistortion) -> RateDistortionProblem:
    """Return the problem that TMRD solves: all samples are equally likely."""
    each = np.full(source.shape[0], 1.0 / source.shape[0])
    return RateDistortionProblem(each, lambda slope: BlockKernel(source, slope), source.mean)


def _measured_errors(source: SampleDistortion, labels: IntArray, traced: list[SolvedPoint]) -> FloatArray:
    """Compute 1 - mean Q(y_i | x_i) of each point: only one column of each row of the channel is needed."""
    above = np.concatenate([block[np.arange(len(block)), labels[rows]] for rows, block in source.above()])

    def measured(point: SolvedPoint) -> float:
        if point.state is None:
            return float(np.mean(labels != np.argmin(source.mean)))
        weight = (above == 0.0) if np.isinf(point.slope) else np.exp(-point.slope * above.astype(np.float64))
        kept = weight * point.state.output[labels] / point.state.normaliser
        return float(np.clip(1.0 - kept.mean(), 0.0, 1.0))

    return np.array([measured(point) for point in traced])


def _measured_costs(source: SampleDistortion, labels: IntArray, traced: list[SolvedPoint]) -> FloatArray:
    """Compute the mean of sum_j Q(j | x_i) cost[y_i, j] over the samples, for each point."""
    assert source.cost is not None
    cost = source.cost

    def measured(point: SolvedPoint) -> float:
        if point.state is None:
            return float(cost[labels, int(np.argmin(source.mean))].mean())
        total = 0.0
        for rows, weights in source.factors(point.slope):
            spent = (weights * cost[labels[rows]]) @ point.state.output
            total += float(np.sum(spent / point.state.normaliser[rows]))
        return total / source.shape[0]

    return np.array([measured(point) for point in traced])
