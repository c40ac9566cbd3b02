"""The oracle under other distortions than the error of one answer: top-k lists, log loss, any cost matrix."""

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
    """The oracle where the receiver names k classes and errs when the label is not among them; exact.

    From D = 0 to D0 = 1 - the mass of the k likeliest classes, where nothing is sent; a single point where
    no more than k classes occur. For K equiprobable classes it is

        R = log2 K - (1 - D) log2 k - D log2(K - k) - h(D).

    Raises:
        InputError: not a distribution, or k is no integer >= 1 (fatal).
    """
    traced = trace_closed_form(TopKWaterFilling(prior, k), points)
    return oracle_of_points(traced, f"{OF_LABELS}; the receiver names {k} classes", top_k_errors(k))


def top_k_rate_bits(prior: npt.ArrayLike, k: int, distortion: npt.ArrayLike) -> FloatArray:
    """The same in bit at any distortions, of their shape, exact to rounding.

    Raises:
        InputError: as `top_k_oracle`, or a distortion outside [0, 1] (fatal).
    """
    return TopKWaterFilling(prior, k).rate_bits(distortion)


def log_loss_oracle(prior: npt.ArrayLike, points: int = CLOSED_FORM_POINTS) -> RateDistortionCurve:
    """The oracle where the receiver answers with a distribution and pays -log2 of what it gave the label:
    R = max(0, H(Y) - D), both in bit.

    No I(Y; Z) below H(Y) - D will do, because D >= H(Y | Z); erasing a fraction of the labels attains it.
    Behind an observation X the least rate for H(Y | Z) <= D with Y - X - Z is the information bottleneck.
    Its problem is not convex in p(z|x) and no solver certifies its answer, so it is not drawn. This line
    bounds it from below, and ends at D = H(Y | X).

    Raises:
        InputError: not a distribution, or fewer than two points (fatal).
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
    """The oracle where answer j to label y costs cost[y, j], of shape (K, M): Blahut-Arimoto, certified.

    From the least expected cost, sum_y p_y min_j cost[y, j], to the best constant answer at 0 bit; a single
    point where one answer is best for every label. It is solved for what each answer costs above the label's
    best one, in units of what the best constant answer costs: neither a fee that every answer pays nor the currency
    changes the rates.

    Warns with UnconvergedWarning where a certified gap stays above the tolerance; the gaps are in the curve
    in any case.

    Raises:
        InputError: not a distribution, or a cost that does not fit, is negative or not finite (fatal).
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
