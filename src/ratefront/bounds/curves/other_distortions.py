"""The oracle under distortions other than the error of one answer: top-k lists, log loss, any cost matrix."""

from __future__ import annotations

import numpy.typing as npt

from ratefront.bounds.closed_form.top_k_water_filling import TopKWaterFilling
from ratefront.bounds.curve import RateDistortionCurve
from ratefront.bounds.curve_names import COST, CURVE_KINDS, LOG_LOSS, ORACLE, top_k_errors
from ratefront.bounds.curves.oracle import CLOSED_FORM_POINTS, oracle_of_points, trace_closed_form
from ratefront.bounds.curves.rate_invariance import falling_line
from ratefront.bounds.solver.block_distortion import BlockKernel, MatrixDistortion
from ratefront.bounds.solver.curve_tracing import arrays_of
from ratefront.bounds.solver.solved_curve import (
    SOLVED_SLOPES,
    TOLERANCE_BITS,
    RateDistortionProblem,
    solve_curve,
)
from ratefront.bounds.source.distributions import FloatArray, as_distribution, checked_cost, entropy_bits

OF_LABELS = CURVE_KINDS[ORACLE].assumptions


def top_k_oracle(prior: npt.ArrayLike, k: int, points: int = CLOSED_FORM_POINTS) -> RateDistortionCurve:
    """Compute the oracle of a receiver that names k classes and errs when the label is not among them; exact.

    It goes from D = 0 to D0 = 1 - the mass of the k likeliest classes, where nothing is sent. It is a single point
    where no more than k classes occur. For K equiprobable classes it is

        R = log2 K - (1 - D) log2 k - D log2(K - k) - h(D).

    Args:
        prior: p(y), shape (K,).
        k: how many classes the receiver names.
        points: number of points, at least 2.

    Raises:
        InputError: not a distribution, or k is not an integer >= 1.

    Example:
        >>> top_k_oracle([0.5, 0.3, 0.2], k=2).distortion.round(3).tolist()[-1]  # names the two likeliest at 0 bit
        0.2
    """
    traced = trace_closed_form(TopKWaterFilling(prior, k), points)
    return oracle_of_points(traced, f"{OF_LABELS}; the receiver names {k} classes", top_k_errors(k))


def top_k_rate_bits(prior: npt.ArrayLike, k: int, distortion: npt.ArrayLike) -> FloatArray:
    """Return the rate of `top_k_oracle` in bit at any distortions, exact to rounding; the result has their shape.

    Raises:
        InputError: as `top_k_oracle`, or a distortion outside [0, 1].
    """
    return TopKWaterFilling(prior, k).rate_bits(distortion)


def log_loss_oracle(prior: npt.ArrayLike, points: int = CLOSED_FORM_POINTS) -> RateDistortionCurve:
    """Compute the oracle under log loss: R = max(0, H(Y) - D), both in bit.

    The receiver answers with a distribution and pays -log2 of the probability that it gave the label.

    No I(Y; Z) below H(Y) - D suffices, because D >= H(Y | Z); erasing a fraction of the labels attains it. Behind
    an observation X, the least rate for H(Y | Z) <= D with Y - X - Z is the information bottleneck. That problem
    is not convex in p(z|x) and no solver certifies its answer, so it is not drawn. This line bounds it from below,
    and ends at D = H(Y | X).

    Args:
        prior: p(y), shape (K,).
        points: number of points, at least 2.

    Raises:
        InputError: not a distribution, or fewer than two points.
    """
    rate = falling_line(entropy_bits(prior), points)
    assumptions = f"{OF_LABELS}; the receiver answers with a distribution"
    return RateDistortionCurve.of_kind(ORACLE, rate, rate[::-1], assumptions=assumptions, measure=LOG_LOSS)


def cost_oracle(
    prior: npt.ArrayLike,
    cost: npt.ArrayLike,
    points: int = SOLVED_SLOPES,
    tolerance_bits: float = TOLERANCE_BITS,
) -> RateDistortionCurve:
    """Compute the oracle where answer j to label y costs cost[y, j]: Blahut–Arimoto, certified.

    It goes from the least expected cost, sum_y p_y min_j cost[y, j], to the best constant answer at 0 bit. It is a
    single point where one answer is best for every label. The solver sees what each answer costs above the label's
    best one, divided by what the best constant answer costs. So neither a fee that every answer pays nor the
    currency changes the rates.

    Warns with UnconvergedWarning where a certified gap stays above the tolerance; the gaps are in the curve in any
    case.

    Args:
        prior: p(y), shape (K,).
        cost: shape (K, M), finite and nonnegative.
        points: number of solved slopes.
        tolerance_bits: the certified gap asked for at each slope.

    Raises:
        InputError: not a distribution, or a cost that does not fit, is negative or not finite.
    """
    p = as_distribution(prior, "the prior")
    occurring = checked_cost(cost, p.size)[p > 0]
    p = p[p > 0]
    least = occurring.min(axis=1)
    excess = occurring - least[:, None]
    unit = float((p @ excess).min()) or 1.0
    excess = excess / unit
    matrix = MatrixDistortion(excess, tolerance_bits)
    problem = RateDistortionProblem(p, lambda slope: BlockKernel(matrix, slope), p @ excess)
    solved = arrays_of(solve_curve(problem, points, tolerance_bits))
    return RateDistortionCurve.of_kind(
        ORACLE,
        solved.rate_bits,
        float(p @ least) + unit * solved.distortion,
        gap_bits=solved.gap_bits,
        slope=solved.slope / unit,
        assumptions=f"{OF_LABELS}; every answer has its cost",
        measure=COST,
    )
