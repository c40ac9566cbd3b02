"""A whole rate–distortion function by Blahut–Arimoto: where to solve it, and both of its ends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ratefront.bounds.solver.blahut_arimoto import BlahutArimotoResult, solve_kernel
from ratefront.bounds.solver.curve_tracing import TracedPoint, trace_convex
from ratefront.bounds.solver.kernels import Kernel
from ratefront.bounds.source.distributions import FloatArray, as_distribution, checked_count
from ratefront.errors import InputError

SOLVED_SLOPES = 60
TOLERANCE_BITS = 1e-5
MAX_ITERATIONS = 20_000
GREATEST_CRITICAL_SLOPE = 600.0
CRITICAL_SLOPE_PRECISION = 1e-2
EVERY_OUTPUT = 1e-2
COINCIDENT = 1e-12
"""Distortions closer than this are equal: relative frequencies differ by at least 1/N, rounding by far less."""

SolvedPoint = TracedPoint[BlahutArimotoResult]


@dataclass(frozen=True, eq=False)
class RateDistortionProblem:
    """A source and a distortion, for the solver.

    Attributes:
        source: shape (n,).
        kernel_at: the distortion as an operator at any slope in nat.
        constant_distortion: mean distortion of each constant answer, shape (m,).
    """

    source: npt.ArrayLike
    kernel_at: Callable[[float], Kernel]
    constant_distortion: FloatArray

    @property
    def best_constant(self) -> int:
        """The constant answer of least mean distortion."""
        return int(np.argmin(self.constant_distortion))


def solve_curve(
    problem: RateDistortionProblem,
    points: int = SOLVED_SLOPES,
    tolerance_bits: float = TOLERANCE_BITS,
    max_iterations: int = MAX_ITERATIONS,
) -> list[SolvedPoint]:
    """Solve a whole curve; the points are sorted by distortion.

    There are at most `points` solved slopes, the least distortion among them. The last point is the best constant
    answer at 0 bit, whose state is None.

    Warns with UnconvergedWarning where a certified gap stays above the tolerance; the gaps are in the points in
    any case.

    Args:
        problem: the source and its distortion.
        points: number of solved slopes, at least 1.
        tolerance_bits: the certified gap asked for at each slope.
        max_iterations: evaluations of the kernel for each slope.

    Raises:
        InputError: no point, or a tolerance that is not above 0.
    """
    checked_count(points, "the number of solved slopes", least=1)
    if not tolerance_bits > 0.0:
        raise InputError(f"a tolerance must be above 0 bit, got {tolerance_bits}")
    source = as_distribution(problem.source, "the source")

    def solve(slope: float, *neighbours: SolvedPoint) -> SolvedPoint:
        start = _warm_start([_output(problem, point) for point in neighbours])
        result = solve_kernel(source, problem.kernel_at(slope), start, tolerance_bits, max_iterations)
        return TracedPoint(result.distortion, result.rate_bits, slope, result.gap_bits, result)

    left, right = solve(np.inf), _zero_rate_point(problem, source)
    if left.distortion >= right.distortion - COINCIDENT:
        return [right]
    return trace_convex(solve, left, right, points + 1)


def _output(problem: RateDistortionProblem, point: SolvedPoint) -> FloatArray:
    return _constant(problem) if point.state is None else point.state.output


def _constant(problem: RateDistortionProblem) -> FloatArray:
    output = np.zeros(problem.constant_distortion.size)
    output[problem.best_constant] = 1.0
    return output


def _warm_start(outputs: list[FloatArray]) -> FloatArray | None:
    """Mix the neighbours' outputs with a little of every class: the solver may need one that both lack."""
    if not outputs:
        return None
    mean = np.mean(outputs, axis=0)
    return np.asarray((1.0 - EVERY_OUTPUT) * mean + EVERY_OUTPUT / mean.size)


def _zero_rate_point(problem: RateDistortionProblem, source: FloatArray) -> SolvedPoint:
    """Return (D0, 0 bit) with about the greatest slope at which a constant answer is optimal: there max_j c_j = 1.

    A smaller slope is a valid tangent too, so the search may stop early.
    """
    constant = _constant(problem)

    def constant_is_best(slope: float) -> bool:
        kernel = problem.kernel_at(slope)
        greatest = float(kernel.normaliser_and_update(source, constant)[1].max())
        return greatest <= 1.0 + 1e-11 + kernel.rounding_bits

    low, high = 0.0, 1.0
    while high < GREATEST_CRITICAL_SLOPE and constant_is_best(high):
        low, high = high, 2.0 * high
    while high - low > CRITICAL_SLOPE_PRECISION * high:
        middle = (low + high) / 2.0
        low, high = (middle, high) if constant_is_best(middle) else (low, middle)
    return TracedPoint(float(problem.constant_distortion.min()), 0.0, low)
