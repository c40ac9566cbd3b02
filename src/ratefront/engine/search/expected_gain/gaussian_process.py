"""Gaussian process regression of one quantity, for tens to hundreds of trials."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve
from scipy.optimize import minimize

from ratefront.pareto import FloatArray

#: The share of a linear trend in the prior variance; without it a prediction returns to the mean between trials.
LINEAR = 0.3

#: The deviations of the prior of a log length scale, and of the log of the noise's share.
SCALE_DEVIATION, NOISE_DEVIATION = 0.8, 1.0

#: How many trials the prior of the output's variance counts as.
PRIOR_TRIALS = 3.0

#: Fewer trials say nothing about length scales.
LEAST_TRIALS = 4

_BOUNDS, _ITERATIONS = ((-2.5, 3.0), (-7.0, 0.7)), 25


@dataclass(frozen=True)
class Hyperparameters:
    """The shape of a Gaussian process.

    Attributes:
        log_scales: The natural logarithm of each input's length scale (D,); inputs lie on the unit interval.
        log_noise: That of the noise's variance, as a share of the output's variance.
    """

    log_scales: FloatArray
    log_noise: float

    @classmethod
    def prior(cls, inputs: int, noise: float) -> Hyperparameters:
        """The mode of the prior: length scales of 1, and this share of noise."""
        return cls(np.zeros(inputs), math.log(noise))


def fit_hyperparameters(
    inputs: FloatArray, outputs: FloatArray, prior: Hyperparameters, prior_deviation: float
) -> Hyperparameters:
    """Return the most probable hyperparameters given the data (N, D) and (N,); the prior's for few data."""
    if len(outputs) < LEAST_TRIALS:
        return prior
    likelihood = _Likelihood(inputs, outputs - outputs.mean(), prior, prior_deviation)
    bounds = [_BOUNDS[0]] * inputs.shape[1] + [_BOUNDS[1]]
    try:
        found = minimize(
            likelihood,
            likelihood.prior,
            jac=True,
            method="L-BFGS-B",
            bounds=bounds,
            options={"maxiter": _ITERATIONS},
        )
    except LinAlgError:
        return prior
    return Hyperparameters(found.x[:-1], float(found.x[-1]))


class _Likelihood:
    """The negative log posterior of the hyperparameters, with its gradient; the output's variance is profiled out."""

    def __init__(
        self, inputs: FloatArray, outputs: FloatArray, prior: Hyperparameters, prior_deviation: float
    ) -> None:
        self.prior = np.append(prior.log_scales, prior.log_noise)
        self._deviations = np.append(np.full(inputs.shape[1], SCALE_DEVIATION), NOISE_DEVIATION)
        self._centred, self._outputs = inputs - 0.5, outputs
        self._squares = (inputs[:, None] - inputs[None]) ** 2
        self._prior_sum = PRIOR_TRIALS * prior_deviation**2

    def __call__(self, parameters: FloatArray) -> tuple[float, FloatArray]:
        weights, noise = np.exp(-2.0 * parameters[:-1]), math.exp(parameters[-1])
        smooth = np.exp(-0.5 * self._squares @ weights)
        linear = self._centred * np.sqrt(weights)
        count = len(self._outputs)
        kernel = smooth + LINEAR * linear @ linear.T + noise * np.eye(count)
        factor = cho_factor(kernel, lower=True)
        solved = cho_solve(factor, self._outputs)
        total = float(self._outputs @ solved) + self._prior_sum
        variance = total / (count + PRIOR_TRIALS)
        away = (parameters - self.prior) / self._deviations
        value = 0.5 * (count + PRIOR_TRIALS) * math.log(total) + float(np.log(np.diag(factor[0])).sum())
        inner = cho_solve(factor, np.eye(count)) - np.outer(solved, solved) / variance
        by_scale = np.einsum("ij,ijd->d", inner * smooth, self._squares) * weights
        by_scale -= 2.0 * LINEAR * np.einsum("id,ij,jd->d", linear, inner, linear)
        gradient = 0.5 * np.append(by_scale, noise * np.trace(inner))
        return value + 0.5 * float(away @ away), gradient + away / self._deviations


class GaussianProcess:
    """A posterior: what N trials say about a quantity at other inputs.

    The kernel is squared exponential with a length scale for each input, plus a linear trend. The mean is that of the
    outputs; the variance has an inverse gamma prior around ``prior_deviation``².
    """

    def __init__(
        self,
        inputs: FloatArray,
        outputs: FloatArray,
        hyperparameters: Hyperparameters,
        prior_deviation: float,
        prior_mean: float | None = None,
    ) -> None:
        """Condition on outputs (N,) at inputs (N, D); ``prior_mean`` counts as half a trial."""
        self._roots = np.exp(-hyperparameters.log_scales)
        self._scaled, self._linear = inputs * self._roots, (inputs - 0.5) * self._roots
        weight = 0.0 if prior_mean is None else 0.5
        self._mean = (outputs.sum() + weight * (prior_mean or 0.0)) / (len(outputs) + weight)
        centred, self._noise = outputs - self._mean, math.exp(hyperparameters.log_noise)
        kernel = self._kernel(self._scaled, self._linear) + self._noise * np.eye(len(outputs))
        self._factor = cho_factor(kernel, lower=True)
        self._solved = cho_solve(self._factor, centred)
        total = float(centred @ self._solved) + PRIOR_TRIALS * prior_deviation**2
        self._variance = total / (len(outputs) + PRIOR_TRIALS)

    def _kernel(self, scaled: FloatArray, linear: FloatArray) -> FloatArray:
        squares = (
            (scaled**2).sum(axis=1)[:, None] + (self._scaled**2).sum(axis=1) - 2.0 * scaled @ self._scaled.T
        )
        return np.asarray(np.exp(-0.5 * np.maximum(squares, 0.0)) + LINEAR * linear @ self._linear.T)

    def predict(self, inputs: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return mean and standard deviation (N,) of what trials at inputs (N, D) would measure, noise included."""
        linear = (inputs - 0.5) * self._roots
        kernel = self._kernel(inputs * self._roots, linear)
        reduction = np.einsum("ij,ji->i", kernel, cho_solve(self._factor, kernel.T))
        share = np.maximum(1.0 + LINEAR * (linear**2).sum(axis=1) - reduction, 1e-6) + self._noise
        return self._mean + kernel @ self._solved, np.sqrt(share * self._variance)
