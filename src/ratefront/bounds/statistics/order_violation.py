"""Whether S&C lies below TMRD in measured distortion, by more than the luck of the samples.

If posteriors are right, no channel that sees a sample through them beats TMRD: for each slope s its own costs
the least R + s D in expectation. So labels on which S&C costs less, beyond what resampling them explains, say
that the posteriors are wrong. Both see the same samples: they are resampled together, the channels stay.
TMRD is coded as fitted on these very samples and is taken where it is best on their labels, S&C is
cross-fitted: what optimism there is favours TMRD, and a warning is rare where it is not due.
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
"""Less is not worth a word: lines between solved points miss half of it, one bit up even more."""
MOST_SCORES = 4_000_000
"""Of more an evenly spaced part is tested, which takes seconds and sees what can be seen in a figure."""
LEAST_SAMPLES = 20
"""Fewer do not show a bootstrap how much they vary."""
ROUNDING_BITS = 1e-9


@dataclass(frozen=True, slots=True)
class OrderViolation:
    """Where S&C lies below TMRD, both drawn on all samples, as their lower hulls.

    Attributes:
        accuracy: the place.
        sampled_bits, task_model_bits: the rates there, None where TMRD does not come so far.
        certain: more than this S&C is lower in distortion at the same rate, at the one-sided `level`.
    """

    accuracy: float
    sampled_bits: float
    task_model_bits: float | None
    certain: float
    level: float = LEVEL


def order_violation(
    predictions: Predictions, task_model: RateDistortionCurve, sampled: RateDistortionCurve
) -> OrderViolation | None:
    """None where S&C lies nowhere below TMRD, or not beyond chance.

    Args:
        predictions: with posteriors.
        task_model, sampled: TMRD and S&C, solved on them.
    """
    silent = 1.0 - float(predictions.label_prior.max())
    hulls = task_model.envelope(silent), sampled.envelope(silent)
    if predictions.samples < LEAST_SAMPLES or not _lies_below(*hulls):
        return None
    assert task_model.slope is not None
    found = _certain(_part_of(predictions), _some(task_model.slope))
    return None if found is None else _described(*found, *hulls)


def _lies_below(task_model: RateDistortionCurve, sampled: RateDistortionCurve) -> bool:
    """Whether it looks so, luck or not."""
    for distortion, rate in zip(sampled.distortion, sampled.rate_bits, strict=True):
        other = task_model.rate_at(distortion)
        if other is None or other > rate + LEAST_BITS:
            return True
    return False


def _certain(predictions: Predictions, slopes: FloatArray) -> tuple[float, float] | None:
    """(distortion of S&C, how much lower it is) where it is most certainly lower; None where it may be chance."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnconvergedWarning)  # who solved the curve has warned
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
    """Bits that S&C saves in R + price D against the best of TMRD, and a lower limit to all of them at once, both of
    shape (prices, temperatures): as many deviations below as the greatest of a replicate hardly ever strays.
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
    strays = (
        np.concatenate([saved(block) for block in bootstrap_replicates(columns, RESAMPLES, seed=0)])
        - measured
    )
    deviation = strays.std(axis=0)
    varies = deviation > ROUNDING_BITS
    scaled = np.divide(strays, deviation, out=np.zeros_like(strays), where=varies)
    limit = measured - np.quantile(scaled.max(axis=(1, 2)), LEVEL) * deviation
    return measured, np.where(varies, limit, -np.inf)


def _parts(means: FloatArray, channels: int) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Rates and distortions of TMRD's channels, then of S&C's."""
    first, second = means[..., : 2 * channels], means[..., 2 * channels :]
    middle = second.shape[-1] // 2
    return first[..., :channels], first[..., channels:], second[..., :middle], second[..., middle:]


def _described(
    distortion: float, certain: float, task_model: RateDistortionCurve, sampled: RateDistortionCurve
) -> OrderViolation:
    at = max(distortion, sampled.least_distortion)
    rate = sampled.rate_at(at)
    assert rate is not None
    return OrderViolation(1.0 - at, rate, task_model.rate_at(at), certain)


def _part_of(predictions: Predictions) -> Predictions:
    most = max(LEAST_SAMPLES, MOST_SCORES // predictions.classes)
    if predictions.samples <= most:
        return predictions
    return subset(predictions, np.linspace(0, predictions.samples - 1, most).astype(np.int64))


def _some(slopes: FloatArray) -> FloatArray:
    return np.asarray(slopes[np.unique(np.linspace(0, slopes.size - 1, SLOPES).round().astype(int))])
