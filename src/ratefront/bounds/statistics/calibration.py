"""Temperature scaling: S&C, TMRD and expected distortions assume that posteriors are calibrated.

One number T divides the logits so that the log loss on the labels is least (Guo et al. 2017). No decision changes.
T is fitted on the samples it is used on: with a single parameter the optimism is of the order of 1/N.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar

from ratefront.bounds.source.predictions import Predictions
from ratefront.bounds.source.scores import RealArray, below_best, blocks_of
from ratefront.bounds.statistics.channel_inputs import scores_of
from ratefront.bounds.statistics.held_out import FOLDS, split_in_folds, subset
from ratefront.bounds.statistics.reliability import expected_calibration_error
from ratefront.errors import InputError

GREATEST_TEMPERATURE = 1e3
NOTHING_GAINED_BITS = 1e-12


@dataclass(frozen=True, slots=True)
class Calibration:
    """The temperature and its effect.

    Attributes:
        temperature: T > 0; above 1 the model was overconfident.
        log_loss_bits_before: mean of -log2 p(y_i | x_i), without the `excluded` samples.
        log_loss_bits_after: the same, at temperature T.
        expected_calibration_error_before: in [0, 1], over all samples.
        expected_calibration_error_after: in [0, 1], over all samples.
        excluded: samples whose label has posterior 0: their loss is infinite at every temperature.
    """

    temperature: float
    log_loss_bits_before: float
    log_loss_bits_after: float
    expected_calibration_error_before: float
    expected_calibration_error_after: float
    excluded: int

    @property
    def warning(self) -> str | None:
        """A sentence for people if the temperature is not an optimum; else None."""
        if 1.01 / GREATEST_TEMPERATURE < self.temperature < GREATEST_TEMPERATURE / 1.01:
            return None
        return (
            f"The temperature {self.temperature:.4g} is the end of the range that was searched: the log loss has no "
            "least value there, because the decisions are all right, or no better than chance."
        )


def calibrated(predictions: Predictions) -> tuple[Predictions, Calibration]:
    """Return the same predictions with their scores divided by `temperature_of` them, and the effect.

    Raises:
        InputError: as `temperature_of`.

    Example:
        >>> import numpy as np
        >>> labels = np.arange(100) % 2
        >>> decided = np.where(np.arange(100) < 10, 1 - labels, labels)  # wrong in 10 of 100
        >>> logits = 8.0 * np.eye(2)[decided]  # and certain of all of them
        >>> rescaled, effect = calibrated(Predictions.from_logits(labels, logits))
        >>> round(effect.temperature, 2), round(effect.expected_calibration_error_after, 3)
        (3.64, 0.0)
    """
    loss = _LogLoss(predictions)
    temperature = _least(loss)
    rescaled = replace(
        predictions, log_probabilities=scores_at_temperature(scores_of(predictions), temperature)
    )
    return rescaled, Calibration(
        temperature=temperature,
        log_loss_bits_before=loss.mean_bits(1.0),
        log_loss_bits_after=loss.mean_bits(temperature),
        expected_calibration_error_before=expected_calibration_error(predictions),
        expected_calibration_error_after=expected_calibration_error(rescaled),
        excluded=loss.excluded,
    )


def cross_calibrated(predictions: Predictions, folds: int = FOLDS, seed: int = 0) -> Predictions:
    """Divide each fold's scores by the temperature of least log loss of the other folds.

    So no sample's own label helps to find its temperature.

    Raises:
        InputError: a single sample, no posteriors, or only labels of posterior zero.
    """
    scores = scores_of(predictions)
    rescaled = np.empty_like(scores)
    for part, rest in split_in_folds(predictions.samples, folds, seed):
        rescaled[part] = scores_at_temperature(scores[part], temperature_of(subset(predictions, rest)))
    return replace(predictions, log_probabilities=rescaled)


def temperature_of(predictions: Predictions) -> float:
    """Return T in [1e-3, 1e3] that minimises the mean log loss on the labels; 1 where nothing is gained.

    A label with a posterior of exactly zero would make the loss infinite for every T. In files of probabilities a
    zero is usually an underflow, and one of them must not prevent the calibration. So these samples are left out,
    and the temperature is lower than with them; `Calibration.excluded` counts them. Where all decisions are
    correct, T goes to the lower end, as far as rounding lets the loss fall.

    Raises:
        InputError: no posteriors, or every label has posterior zero.
    """
    return _least(_LogLoss(predictions))


class _LogLoss:
    """Mean log loss at any temperature, in blocks of rows."""

    def __init__(self, predictions: Predictions) -> None:
        self._scores, self._labels = scores_of(predictions), predictions.labels
        label_scores = self._scores[np.arange(predictions.samples), self._labels]
        self._counts: npt.NDArray[np.bool_] = label_scores > -np.inf
        self.excluded = int(np.count_nonzero(~self._counts))
        if self.excluded == predictions.samples:
            raise InputError("no temperature can be fitted: the posterior of every label is exactly zero")

    def mean_bits(self, temperature: float) -> float:
        total = 0.0
        for rows in blocks_of(self._scores.shape):
            scaled = below_best(self._scores[rows])
            scaled /= temperature
            label_scores = scaled[np.arange(len(scaled)), self._labels[rows]]
            np.exp(scaled, out=scaled)
            total += float(np.sum(np.log(scaled.sum(axis=1)) - label_scores, where=self._counts[rows]))
        return max(0.0, total / (self._counts.size - self.excluded) / float(np.log(2)))


def _least(loss: _LogLoss) -> float:
    """Minimise the loss. It is convex in 1/T, so it has one minimum in log T."""
    bound = float(np.log(GREATEST_TEMPERATURE))
    optimum = minimize_scalar(
        lambda log_temperature: loss.mean_bits(float(np.exp(log_temperature))),
        bounds=(-bound, bound),
        method="bounded",
        options={"xatol": 1e-6},
    )
    gained = loss.mean_bits(1.0) - float(optimum.fun)
    return float(np.exp(optimum.x)) if gained > NOTHING_GAINED_BITS else 1.0


def scores_at_temperature(scores: RealArray, temperature: float) -> RealArray:
    """Return scores / T in their own precision, each row's greatest at 0 so that none overflows."""
    result = np.empty_like(scores)
    for rows in blocks_of(scores.shape):
        with np.errstate(over="ignore"):  # to -inf: a probability of 0
            result[rows] = below_best(scores[rows]) / temperature
    return result
