"""One fit for each curve: from samples to the channels of the curve's theory at given slopes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy import sparse

from ratefront.bounds.closed_form.water_filling import WaterFilling
from ratefront.bounds.curves.indirect_estimate_and_compress import indirect_problem
from ratefront.bounds.curves.task_model_curve import MAX_ITERATIONS as SAMPLE_ITERATIONS
from ratefront.bounds.curves.task_model_curve import TOLERANCE_BITS as SAMPLE_TOLERANCE_BITS
from ratefront.bounds.curves.task_model_curve import task_model_problem
from ratefront.bounds.solver.blahut_arimoto import solve_kernel
from ratefront.bounds.solver.sample_distortion import SampleDistortion
from ratefront.bounds.solver.solved_curve import TOLERANCE_BITS
from ratefront.bounds.source.confusion import Confusion
from ratefront.bounds.source.distributions import FloatArray, IntArray
from ratefront.bounds.source.predictions import Predictions
from ratefront.bounds.statistics.channel_inputs import (
    ClassInputs,
    LabelOrDecision,
    PosteriorInputs,
    scores_of,
)
from ratefront.bounds.statistics.channels import GibbsChannels, TimeSharingChannels, mean_channels
from ratefront.errors import InputError

ROUNDING_BITS = 1e-6


def fit_oracle(predictions: Predictions, slopes: npt.ArrayLike) -> GibbsChannels:
    """Fit the label through the optimal channel of the label prior at each slope in nat (Erokhin 1958)."""
    return _fit_hamming(predictions, predictions.label_prior, LabelOrDecision.LABEL, slopes)


def fit_estimate_and_compress(predictions: Predictions, slopes: npt.ArrayLike) -> GibbsChannels:
    """Fit E&C (MA III.A.1): the decision through the optimal channel of p(y~) at each slope in nat."""
    return _fit_hamming(
        predictions, Confusion(predictions.joint).estimate_prior, LabelOrDecision.DECISION, slopes
    )


def fit_indirect(
    predictions: Predictions, slopes: npt.ArrayLike, tolerance_bits: float = TOLERANCE_BITS
) -> GibbsChannels:
    """Fit the plug-in iE&C (MA III.A.2) at each slope in nat; a decision that did not occur has d^ = 1 - p(y).

    Args:
        predictions: the samples to fit on.
        slopes: shape (M,), infinity included.
        tolerance_bits: certified gap to the optimum on the samples of the fit.

    Raises:
        InputError: a slope that is negative or not a number.
    """
    s = _checked("slopes", slopes)
    confusion = Confusion(predictions.joint)
    occurring = confusion.label_prior > 0

    problem = indirect_problem(confusion)

    def solve(slope: float) -> FloatArray:
        output = np.zeros(predictions.classes)
        kernel = problem.kernel_at(slope)
        output[occurring] = solve_kernel(problem.source, kernel, None, tolerance_bits).output
        return output

    rows = [confusion.posterior_given_estimate, sparse.csr_array(confusion.label_prior[None, :])]
    inputs = ClassInputs(
        LabelOrDecision.DECISION, sparse.csr_array(sparse.vstack(rows)), _rows_of(confusion.decided)
    )
    return _gibbs(predictions, inputs, s, _solved(solve, s, predictions))


def fit_task_model(
    predictions: Predictions, slopes: npt.ArrayLike, tolerance_bits: float = SAMPLE_TOLERANCE_BITS
) -> GibbsChannels:
    """Fit TMRD: Q proportional to q e^{s p(y^ | x)} with q solved on the samples; arguments as `fit_indirect`.

    Raises:
        InputError: as `fit_indirect`, or no posteriors.
    """
    s = _checked("slopes", slopes)
    problem = task_model_problem(SampleDistortion(scores_of(predictions), None, tolerance_bits))

    def solve(slope: float) -> FloatArray:
        kernel = problem.kernel_at(slope)
        return solve_kernel(problem.source, kernel, None, tolerance_bits, SAMPLE_ITERATIONS).output

    return _gibbs(predictions, PosteriorInputs(logarithmic=False), s, _solved(solve, s, predictions))


def fit_sampling(predictions: Predictions, inverse_temperatures: npt.ArrayLike) -> GibbsChannels:
    """Fit S&C (MA III.A.3): q is the mean tempered posterior of the samples.

    Raises:
        InputError: an inverse temperature that is negative or not a number, or no posteriors.
    """
    lambdas = _checked("inverse temperatures", inverse_temperatures)
    even = np.ones((lambdas.size, predictions.classes))
    return _gibbs(predictions, PosteriorInputs(logarithmic=True), lambdas, even)


def fit_time_sharing(predictions: Predictions, shares: npt.ArrayLike) -> TimeSharingChannels:
    """Fit time sharing: a share of the samples sends its decision in an ideal code for p(y~), the rest sends nothing.

    A decision that did not occur has no codeword. It is sent as the likeliest label, or as the likeliest decision
    where that has no codeword either. This costs the codeword, because the sample has to send something in its
    turn.

    Raises:
        InputError: a share outside [0, 1].
    """
    share = _checked("shares", shares)
    if share.max() > 1.0:
        raise InputError(f"shares must lie in [0, 1], the greatest is {share.max()}")
    confusion = Confusion(predictions.joint)
    prior, decided = confusion.estimate_prior, confusion.decided
    likeliest = int(np.argmax(confusion.label_prior))
    substitute = likeliest if decided[likeliest] else int(np.argmax(prior))
    sent_as = np.where(decided, np.arange(predictions.classes), substitute)
    inputs = ClassInputs(
        LabelOrDecision.DECISION, sparse.eye_array(predictions.classes, format="csr"), sent_as
    )
    return TimeSharingChannels(share, _gibbs(predictions, inputs, np.array([np.inf]), prior[None, :]))


def _fit_hamming(
    predictions: Predictions, prior: FloatArray, input_class: LabelOrDecision, slopes: npt.ArrayLike
) -> GibbsChannels:
    """Fit the optimal channels of `prior` under Hamming distortion.

    A class that did not occur is never an output. As an input, all outputs are equally wrong for it.
    """
    filling = WaterFilling(prior)
    solved = [filling.channel(filling.distortion_at_slope(float(s))) for s in _checked("slopes", slopes)]
    error_factor = np.array([channel.error_factor for channel in solved])
    inputs = ClassInputs(input_class, sparse.eye_array(prior.size, format="csr"), np.arange(prior.size))
    with np.errstate(divide="ignore"):
        slope = np.abs(np.log(error_factor))
    return _gibbs(predictions, inputs, slope, np.array([channel.output for channel in solved]))


def _gibbs(
    predictions: Predictions, inputs: ClassInputs | PosteriorInputs, slope: FloatArray, weight: FloatArray
) -> GibbsChannels:
    """Build the channels with their mean output and the most bits that a sample can cost.

    The mean of n channels is at least one n-th of each of them, so that no sample costs more than log2 n bit.
    """
    output = mean_channels(inputs, slope, weight, predictions)
    limit_bits = float(np.log2(predictions.samples)) + ROUNDING_BITS
    return GibbsChannels(inputs, slope, weight, output, limit_bits, _likeliest_label(predictions))


def _solved(solve: Callable[[float], FloatArray], slopes: FloatArray, predictions: Predictions) -> FloatArray:
    """Solve for the outputs (M, K), each from a uniform start.

    A start from the fit to similar samples saves nothing: an output that is nearly 0 there and needed here grows
    slowly. If it came from the samples coded later, their labels would leak into the fit. At slope 0 every answer
    is equally good: it is the likeliest label.
    """
    constant = np.asarray(np.arange(predictions.classes) == _likeliest_label(predictions), dtype=np.float64)
    return np.array([constant if slope == 0.0 else solve(float(slope)) for slope in slopes])


def _rows_of(occurs: npt.NDArray[np.bool_]) -> IntArray:
    """Return rows 0, 1, ... for the classes that occur, and the row after them for all others; shape (K,)."""
    return np.where(occurs, np.cumsum(occurs) - 1, np.count_nonzero(occurs))


def _likeliest_label(predictions: Predictions) -> int:
    return int(np.argmax(predictions.label_prior))


def _checked(name: str, values: npt.ArrayLike) -> FloatArray:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or array.size == 0 or not np.all(array >= 0.0):
        raise InputError(f"{name} must have shape (M,), M >= 1, with entries >= 0, got {array}")
    return array
