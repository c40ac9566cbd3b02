"""What trials of one branch of the space would measure, and how long they would take."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from ratefront.engine.search.expected_gain.gaussian_process import (
    GaussianProcess,
    Hyperparameters,
    fit_hyperparameters,
)
from ratefront.engine.search.expected_gain.hypervolume_gain import LEAST_ERROR, NODES, Prediction
from ratefront.pareto import FloatArray, on_axis
from ratefront.trial_records import LOGARITHMIC, Direction

#: The quantity that is no objective: the natural logarithm of a trial's seconds. No metric has such a name.
SECONDS = "seconds of a trial"

#: Least deviations of the prior of a quantity within a branch, on its axis (log2 of rates, ln of errors and seconds).
_PRIOR_DEVIATIONS: Mapping[str, float] = {"rate_bits": 0.5, "accuracy": 0.5, SECONDS: 0.5}
_OTHER_COST = 0.7

#: The least deviation within a branch, as a share of that of all trials: with less, a branch whose first trial was bad
#: would never be tried again.
_SHARE_OF_ALL = 0.25

#: How much wider the prediction of a branch without a trial is.
_UNTRIED = 2.0

#: Shares of noise that are most probable: sizes and MACs follow from the configuration, durations vary.
_PRIOR_NOISE: Mapping[str, float] = {
    "transmitter_bytes": 0.01,
    "transmitter_macs": 0.01,
    "encode_ms": 0.1,
    SECONDS: 0.3,
}
_OTHER_NOISE = 0.05

#: A change of the rate by this many octaves counts as much as the whole interval of a parameter.
_RATE_SCALE = 1 / 0.35

#: Length scales are fitted again where a branch has had so many trials, and from no more than the last number.
_MILESTONES = (4, 6, 8, 11, 15, 20, 27, 36, 48, 64, 96)


def modelled(name: str, direction: Direction, value: float) -> float:
    """Return the quantity that is modelled as normal: the cost on its axis; of the accuracy, the log of the error."""
    if name == "accuracy":
        return math.log(1.0 - value + LEAST_ERROR)
    placed = on_axis(name, value)
    return placed if direction == "minimise" else -placed


def cost_of(name: str, quantity: float) -> float:
    """Return the cost on its axis of a quantity that is modelled."""
    return math.exp(quantity) - 1.0 - LEAST_ERROR if name == "accuracy" else quantity


def costs_of(name: str, quantities: FloatArray) -> FloatArray:
    """Return the costs of several (N,) (see ``cost_of``)."""
    return np.exp(quantities) - 1.0 - LEAST_ERROR if name == "accuracy" else quantities


@dataclass(frozen=True)
class Observations:
    """What is known of trials.

    Attributes:
        features: Where its trials lie (N, D).
        quantities: What they measured, as ``modelled``, by objective, and ``SECONDS``; each (N,). The rate comes before
            the accuracy.
    """

    features: FloatArray
    quantities: Mapping[str, FloatArray]

    def __len__(self) -> int:
        return len(self.features)


@dataclass(frozen=True)
class PredictedTrials:
    """PredictedTrials for N trials: one for each quantity, and how long they take (N,), in seconds."""

    by_quantity: Mapping[str, Prediction]
    seconds: FloatArray

    def means(self, objectives: Iterable[str]) -> FloatArray:
        """Return the most probable costs of the objectives (N, M), in their order."""
        middle = len(NODES) // 2
        columns = []
        for name in objectives:
            mean = self.by_quantity[name].mean
            columns.append(costs_of(name, mean[:, min(middle, mean.shape[1] - 1)]))
        return np.stack(columns, axis=1)


@dataclass(frozen=True)
class QuantityPrior:
    """What is assumed of a quantity before the branch has a trial.

    Attributes:
        mean: That of trials like it.
        deviation: How far trials of a branch lie around it.
        noise: The share of the variance that does not follow from the configuration.
    """

    mean: float
    deviation: float
    noise: float

    @classmethod
    def of(cls, name: str, alike: FloatArray, everything: FloatArray) -> QuantityPrior:
        """Make the prior of a quantity from what trials like it have measured, and from what all trials have."""
        least = _PRIOR_DEVIATIONS.get(name, _OTHER_COST if name in LOGARITHMIC else 1e-6)
        deviation = max(least, _SHARE_OF_ALL * float(everything.std()))
        return cls(float(alike.mean()), deviation, _PRIOR_NOISE.get(name, _OTHER_NOISE))


class BranchModel:
    """Predicts trials of one branch from its own trials; their mean elsewhere is that of all trials like it.

    The accuracy is predicted given the rate: of two codecs of a branch that cost the same, one makes about as many
    mistakes as the other. As independent quantities a low rate and a high accuracy would come together too often.
    """

    def __init__(
        self, own: Observations, priors: Mapping[str, QuantityPrior], shapes: Mapping[str, Hyperparameters]
    ) -> None:
        """Make the model; ``shapes`` are those of ``fit_shapes``, or empty where the branch has no trial."""
        self._own, self._priors, self._shapes = own, priors, shapes
        self._processes = {
            name: GaussianProcess(
                _inputs(name, own), own.quantities[name], shape, priors[name].deviation, priors[name].mean
            )
            for name, shape in shapes.items()
        }

    def assuming(self, features: FloatArray) -> BranchModel:
        """Return the model as if trials at these features (N, D) had measured what is most probable."""
        measured: dict[str, FloatArray] = {}
        shapes = dict(self._shapes)
        for name, prior in self._priors.items():
            inputs = _inputs(name, Observations(features, measured))
            if name in self._processes:
                measured[name], _ = self._processes[name].predict(inputs)
            else:
                measured[name] = np.full(len(features), prior.mean)
                shapes[name] = Hyperparameters.prior(inputs.shape[1], prior.noise)
        if not self._processes:
            return BranchModel(Observations(features, measured), self._priors, shapes)
        both = Observations(
            np.concatenate([self._own.features, features]),
            {name: np.concatenate([self._own.quantities[name], values]) for name, values in measured.items()},
        )
        return BranchModel(both, self._priors, self._shapes)

    def predict(self, features: FloatArray) -> PredictedTrials:
        """Predict trials at features (N, D)."""
        predicted: dict[str, Prediction] = {}
        seconds = np.empty(0)
        for name in self._priors:
            nodes = predicted.get("rate_bits") if _is_given_rate(name, self._priors) else None
            mean, deviation = self._normal(name, features, nodes)
            if name == SECONDS:
                seconds = np.exp(mean[:, 0])
            elif name == "rate_bits" and _is_given_rate("accuracy", self._priors):
                values = np.maximum(mean + deviation * NODES, 0.0)
                predicted[name] = Prediction(values, np.zeros_like(values), is_node=True)
            else:
                predicted[name] = Prediction(mean, deviation, is_error=name == "accuracy")
        return PredictedTrials(predicted, seconds)

    def _normal(
        self, name: str, features: FloatArray, nodes: Prediction | None
    ) -> tuple[FloatArray, FloatArray]:
        """Return mean and deviation of a quantity, shape (N, 1), or (N, Q) given the rate's nodes."""
        count, rates = len(features), None if nodes is None else nodes.mean
        columns = 1 if rates is None else rates.shape[1]
        if not self._processes:
            prior = self._priors[name]
            wide = np.full((count, columns), _UNTRIED * prior.deviation)
            return np.full((count, columns), prior.mean), wide
        known = {} if rates is None else {"rate_bits": rates.T.reshape(-1)}
        inputs = _inputs(name, Observations(np.tile(features, (columns, 1)), known))
        mean, deviation = self._processes[name].predict(inputs)
        return mean.reshape(columns, count).T, deviation.reshape(columns, count).T


def _is_given_rate(name: str, quantities: Mapping[str, object]) -> bool:
    return name == "accuracy" and "rate_bits" in quantities


def _inputs(name: str, trials: Observations) -> FloatArray:
    """Return what a quantity is predicted from: the features, and for the accuracy the rate as well."""
    if _is_given_rate(name, trials.quantities):
        return np.column_stack([trials.features, trials.quantities["rate_bits"] / _RATE_SCALE])
    return trials.features


def fit_shapes(own: Observations, priors: Mapping[str, QuantityPrior]) -> dict[str, Hyperparameters]:
    """Fit the hyperparameters of each quantity to trials of one branch."""
    shapes: dict[str, Hyperparameters] = {}
    for name, prior in priors.items():
        inputs = _inputs(name, own)
        likely = Hyperparameters.prior(inputs.shape[1], prior.noise)
        shapes[name] = fit_hyperparameters(inputs, own.quantities[name], likely, prior.deviation)
    return shapes


def trials_to_fit(count: int) -> int:
    """Return how many of a branch's first ``count`` trials its hyperparameters are fitted to."""
    return max((each for each in _MILESTONES if each <= count), default=count)
