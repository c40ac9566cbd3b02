"""Blahut–Arimoto with a certificate: every result says how far from the optimum it can be at most.

For a source p, distortion d and slope s, minimise over the output distribution q

    F(q) = -sum_i p_i log Z_i,   Z_i = sum_j q_j e^{-s d_ij}.

With c_j = sum_i p_i e^{-s d_ij} / Z_i one step is q_j <- q_j c_j, and F(q) - min F <= log max_j c_j: the duality
gap (Blahut 1972; Csiszar 1974). A small change of the distortion is no such certificate: near zero rate the plain
iteration converges very slowly.

Acceleration: squared extrapolation of log q (SQUAREM, Varadhan and Roland 2008). An extrapolated step is taken
only where it lowers F more than the plain steps did.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ratefront.bounds.solver.block_distortion import BlockKernel, MatrixDistortion
from ratefront.bounds.solver.kernels import Kernel
from ratefront.bounds.source.distributions import FloatArray, as_distribution
from ratefront.errors import InputError

LOG_2 = float(np.log(2))
GREATEST_STEP = 1e6
LEAST_OUTPUT = 1e-200
"""Output probabilities below this value count as zero; they are kept positive so that logarithms stay finite."""


class UnconvergedWarning(UserWarning):
    """The solver ran out of iterations: the point is achievable, but its certified gap is above the tolerance."""


@dataclass(frozen=True, slots=True)
class BlahutArimotoResult:
    """One point of a rate–distortion curve.

    Attributes:
        rate_bits: mutual information of the channel found: achievable at `distortion`.
        distortion: its expected distortion.
        slope: -dR/dD in nat.
        gap_bits: certified: R(distortion) lies in [rate_bits - gap_bits, rate_bits].
        iterations: evaluations of the kernel.
        converged: whether gap_bits reached the tolerance.
        output: q, shape (m,).
        normaliser: Z, shape (n,): the channel found is q_j e^{-s (d_ij - min_j d_ij)} / Z_i.
    """

    rate_bits: float
    distortion: float
    slope: float
    gap_bits: float
    iterations: int
    converged: bool
    output: FloatArray
    normaliser: FloatArray = field(repr=False)


def blahut_arimoto(
    source: npt.ArrayLike,
    distortion: npt.ArrayLike,
    slope: float,
    *,
    start: npt.ArrayLike | None = None,
    tolerance_bits: float = 1e-5,
    max_iterations: int = 20_000,
) -> BlahutArimotoResult:
    """Solve one point of R(D) for a source, a distortion matrix and a slope.

    At infinite slope that is the cheapest way to the least distortion. Warns with UnconvergedWarning, and says so
    in the result, when the gap stays above `tolerance_bits`.

    Args:
        source: p, shape (n,).
        distortion: d, shape (n, m), finite.
        slope: s = -dR/dD in nat, at least 0; may be infinite.
        start: output distribution to start from, shape (m,); uniform by default.
        tolerance_bits: the certified gap asked for.
        max_iterations: evaluations of the kernel.

    Raises:
        InputError: shapes that do not fit, values that are not finite, a negative slope.

    Example:
        >>> solved = blahut_arimoto([0.5, 0.5], [[0.0, 1.0], [1.0, 0.0]], slope=2.0)
        >>> round(solved.rate_bits, 4), round(solved.distortion, 4)  # on R = 1 - h(D)
        (0.4729, 0.1192)
    """
    kernel = BlockKernel(MatrixDistortion(distortion, tolerance_bits), slope)
    return solve_kernel(source, kernel, start, tolerance_bits, max_iterations)


def solve_kernel(
    source: npt.ArrayLike,
    kernel: Kernel,
    start: npt.ArrayLike | None = None,
    tolerance_bits: float = 1e-5,
    max_iterations: int = 20_000,
) -> BlahutArimotoResult:
    """Solve the same as `blahut_arimoto` for a distortion given as an operator; `start` (m,) is uniform by default."""
    p = as_distribution(source, "the source")
    if p.shape != kernel.floor.shape:
        raise InputError(f"the source has {p.size} values but the distortion has {kernel.floor.size} rows")
    iteration = _Iteration(p, kernel)
    state = iteration.evaluate(_start(start, kernel.outputs))
    while state.gap_bits + kernel.rounding_bits > tolerance_bits and iteration.evaluations < max_iterations:
        state = iteration.accelerate(state)
    return iteration.result(state, tolerance_bits)


@dataclass(frozen=True, slots=True)
class _State:
    """An output, what the kernel says of it, and the plain step from it.

    `saved` is the rate that this step saves: the divergence of q c from q. The certificate log max c may be
    lowered by it, because the result's rate is counted with the output that its channel really has.
    """

    output: FloatArray
    normaliser: FloatArray
    objective: float
    log_update: FloatArray
    next_output: FloatArray
    saved: float

    @property
    def gap_bits(self) -> float:
        return max(0.0, (float(self.log_update.max()) - self.saved) / LOG_2)


class _Iteration:
    def __init__(self, source: FloatArray, kernel: Kernel) -> None:
        self.source, self.kernel = source, kernel
        self.evaluations = 0
        self.step_limit = 4.0

    def evaluate(self, output: FloatArray) -> _State:
        self.evaluations += 1
        normaliser, update = self.kernel.normaliser_and_update(self.source, output)
        log_update = np.log(np.maximum(update, LEAST_OUTPUT))
        next_output = _normalised(output * update)
        objective = -float(self.source @ np.log(normaliser))
        return _State(output, normaliser, objective, log_update, next_output, float(next_output @ log_update))

    def accelerate(self, state: _State) -> _State:
        """Take a plain step, then go as far along the direction of the plain steps as the objective allows."""
        first = self.evaluate(state.next_output)
        step = self._step_length(state, first)
        if step > 1.0:
            extrapolated = self.evaluate(_extrapolate(state, first, step))
            if extrapolated.objective <= first.objective:
                self.step_limit = min(GREATEST_STEP, max(self.step_limit, 4.0 * step))
                return extrapolated
            self.step_limit = max(4.0, self.step_limit / 4.0)
        return self.evaluate(first.next_output)

    def _step_length(self, state: _State, first: _State) -> float:
        r, v = state.log_update, first.log_update - state.log_update
        weight = first.output
        curvature = float(np.sqrt(np.sum(weight * v * v)))
        length = float(np.sqrt(np.sum(weight * r * r)))
        return self.step_limit if curvature <= length / self.step_limit else length / curvature

    def result(self, state: _State, tolerance_bits: float) -> BlahutArimotoResult:
        p, kernel = self.source, self.kernel
        excess = max(0.0, float(p @ (kernel.apply_excess(state.output) / state.normaliser)))
        spent = 0.0 if np.isinf(kernel.slope) else kernel.slope * excess
        gap_bits = state.gap_bits + kernel.rounding_bits
        converged = gap_bits <= tolerance_bits
        if not converged:
            _warn(kernel.slope, gap_bits, tolerance_bits, self.evaluations)
        return BlahutArimotoResult(
            rate_bits=max(0.0, (state.objective - spent - state.saved) / LOG_2),
            distortion=float(p @ kernel.floor) + excess,
            slope=kernel.slope,
            gap_bits=gap_bits,
            iterations=self.evaluations,
            converged=converged,
            output=state.output,
            normaliser=state.normaliser,
        )


def _extrapolate(state: _State, first: _State, step: float) -> FloatArray:
    r, v = state.log_update, first.log_update - state.log_update
    exponent = np.log(state.output) + 2.0 * step * r + step * step * v
    return _normalised(np.exp(exponent - exponent.max()))


def _normalised(output: FloatArray) -> FloatArray:
    kept = np.maximum(output, LEAST_OUTPUT)
    return np.asarray(kept / kept.sum())


def _start(start: npt.ArrayLike | None, outputs: int) -> FloatArray:
    if start is None:
        return np.full(outputs, 1.0 / outputs)
    q = as_distribution(start, "the starting output")
    if q.size != outputs:
        raise InputError(f"the starting output must have {outputs} entries, it has {q.size}")
    return _normalised(q)


def _warn(slope: float, gap_bits: float, tolerance_bits: float, evaluations: int) -> None:
    warnings.warn(
        f"Blahut-Arimoto at slope {slope:.6g} nat: gap {gap_bits:.3g} bit after {evaluations} evaluations, "
        f"asked for {tolerance_bits:.3g}",
        UnconvergedWarning,
        stacklevel=4,
    )
