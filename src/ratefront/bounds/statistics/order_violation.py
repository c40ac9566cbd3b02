"""Whether S&C lies below TMRD in measured distortion, by more than chance explains.

If posteriors are right, no channel that sees a sample through them beats TMRD: for each slope s its own channel
has the least R + s D in expectation. So if S&C costs less on the labels, beyond what resampling explains, the
posteriors are wrong. Both see the same samples: these are resampled together, the channels stay. TMRD is coded as
fitted on these very samples and is taken where it is best on their labels; S&C is cross-fitted. So any optimism
favours TMRD, and a false warning is rare.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import partial

import numpy as np

from ratefront.bounds.curve import RateDistortionCurve
from ratefront.bounds.curves.temperature_grid import TemperatureGrid
from ratefront.bounds.solver.blahut_arimoto import UnconvergedWarning
from ratefront.bounds.source.distributions import FloatArray
from ratefront.bounds.source.predictions import Predictions
from ratefront.bounds.statistics.bootstrap import bootstrap_replicates
from ratefront.bounds.statistics.channel_fits import fit_sampling, fit_task_model
from ratefront.bounds.statistics.channel_inputs import scores_of
from ratefront.bounds.statistics.channels import SampleContributions
from ratefront.bounds.statistics.held_out import HeldOut, cross_fit, subset

LEVEL, RESAMPLES = 0.99, 1000
"""One-sided, of all slopes and temperatures together."""
SLOPES, TEMPERATURES = 16, 24
LEAST_BITS = 0.01
"""Less is not worth a warning: lines between solved points miss half of it, even more above one bit."""
MOST_SCORES = 4_000_000
"""Of more scores an evenly spaced part is tested. That takes seconds and finds what a figure can show."""
LEAST_SAMPLES = 20
"""With fewer samples a bootstrap does not show how much they vary."""
ROUNDING_BITS = 1e-9


@dataclass(frozen=True, slots=True)
class OrderViolation:
    """Where S&C lies below TMRD. Both are drawn on all samples and taken as their lower hulls.

    Attributes:
        accuracy: where.
        sampled_bits: the rate of S&C there.
        task_model_bits: the rate of TMRD there; None where TMRD does not reach that accuracy.
        distortion_margin: at the same rate, S&C's distortion is lower by at least this, at the one-sided `level`.
        level: of confidence.
    """

    accuracy: float
    sampled_bits: float
    task_model_bits: float | None
    distortion_margin: float
    level: float = LEVEL


def order_violation(
    predictions: Predictions, task_model: RateDistortionCurve, sampled: RateDistortionCurve
) -> OrderViolation | None:
    """Return where S&C lies below TMRD; None where it does not, or not beyond chance.

    Args:
        predictions: with posteriors.
        task_model: TMRD, solved on them.
        sampled: S&C, solved on them.
    """
    zero_rate = 1.0 - float(predictions.label_prior.max())
    hulls = task_model.envelope(zero_rate), sampled.envelope(zero_rate)
    if predictions.samples < LEAST_SAMPLES or not _lies_below(*hulls):
        return None
    assert task_model.slope is not None
    lead = _significant(_part_of(predictions), _evenly_spaced(task_model.slope))
    return None if lead is None else _measured(*lead, *hulls)


def _lies_below(task_model: RateDistortionCurve, sampled: RateDistortionCurve) -> bool:
    """Return whether a point of S&C lies below TMRD, by chance or not."""
    for distortion, rate in zip(sampled.distortion, sampled.rate_bits, strict=True):
        other = task_model.rate_at(distortion)
        if other is None or other > rate + LEAST_BITS:
            return True
    return False


def _significant(predictions: Predictions, slopes: FloatArray) -> tuple[float, float] | None:
    """Find where the distortion of S&C is most significantly lower than that of TMRD.

    Returns:
        The distortion of S&C there, and by how much it is lower; None if that may be chance.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnconvergedWarning)  # solving the curve has warned already
        task_model = fit_task_model(predictions, slopes).contributions(predictions)
    grid = TemperatureGrid(scores_of(predictions), predictions.labels)
    grid.refine_to(TEMPERATURES)
    sampled = cross_fit(predictions, partial(fit_sampling, inverse_temperatures=grid.lambdas))
    price = slopes[np.isfinite(slopes) & (slopes > 0.0)] / np.log(2)
    saved, low = _lower_limit(task_model, sampled, price)
    low = np.where(saved > LEAST_BITS, low, -np.inf) / price[:, None]
    if not low.max(initial=-np.inf) > 0.0:
        return None
    _, temperature = np.unravel_index(int(low.argmax()), low.shape)
    return float(sampled.mean_distortion[temperature]), float(low.max())


def _lower_limit(
    task_model: SampleContributions, sampled: HeldOut, price: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the bits that S&C saves in R + price D against the best of TMRD, and a simultaneous lower limit.

    Both have shape (prices, temperatures). The limit lies as many deviations below as the greatest deviation of a
    replicate hardly ever exceeds.
    """
    columns = np.column_stack(
        [task_model.rate_bits, task_model.distortion, sampled.rate_bits, sampled.distortion]
    )
    rate, distortion, *_ = _parts(columns.mean(axis=0), task_model.rate_bits.shape[1])
    best = np.argmin(rate + price[:, None] * distortion, axis=1)

    def saved(means: FloatArray) -> FloatArray:
        rate, distortion, drawn_rate, drawn_distortion = _parts(means, task_model.rate_bits.shape[1])
        least = rate[..., best] + price * distortion[..., best]
        return np.asarray(
            least[..., None] - drawn_rate[..., None, :] - price[:, None] * drawn_distortion[..., None, :]
        )

    measured = saved(columns.mean(axis=0))
    deviations = (
        np.concatenate([saved(block) for block in bootstrap_replicates(columns, RESAMPLES, seed=0)])
        - measured
    )
    deviation = deviations.std(axis=0)
    varies = deviation > ROUNDING_BITS
    scaled = np.divide(deviations, deviation, out=np.zeros_like(deviations), where=varies)
    limit = measured - np.quantile(scaled.max(axis=(1, 2)), LEVEL) * deviation
    return measured, np.where(varies, limit, -np.inf)


def _parts(means: FloatArray, channels: int) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return rates and distortions of TMRD's channels, then of S&C's."""
    first, second = means[..., : 2 * channels], means[..., 2 * channels :]
    middle = second.shape[-1] // 2
    return first[..., :channels], first[..., channels:], second[..., :middle], second[..., middle:]


def _measured(
    distortion: float, distortion_margin: float, task_model: RateDistortionCurve, sampled: RateDistortionCurve
) -> OrderViolation:
    at = max(distortion, sampled.least_distortion)
    rate = sampled.rate_at(at)
    assert rate is not None
    return OrderViolation(1.0 - at, rate, task_model.rate_at(at), distortion_margin)


def _part_of(predictions: Predictions) -> Predictions:
    most = max(LEAST_SAMPLES, MOST_SCORES // predictions.classes)
    if predictions.samples <= most:
        return predictions
    return subset(predictions, np.linspace(0, predictions.samples - 1, most).astype(np.int64))


def _evenly_spaced(slopes: FloatArray) -> FloatArray:
    return np.asarray(slopes[np.unique(np.linspace(0, slopes.size - 1, SLOPES).round().astype(int))])
