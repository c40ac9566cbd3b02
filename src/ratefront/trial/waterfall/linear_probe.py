"""A linear probe: multinomial logistic regression on features, from which the classes' posteriors are read.

The loss is cross-entropy + ½ λ ‖W‖² on features of mean 0 and variance 1. λ goes down from 1 by tens; each training
starts from the weights of the last one. The λ of least log loss on validation is taken, each at its own temperature.
L-BFGS begins at zero and draws nothing at random, so that the same features give the same probe. Means and variances
are folded into the weights, which are rounded to fp16 as a transmitter would store them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from ratefront.bounds import Predictions, calibrated
from ratefront.complexity.stored_precision import round_to_half
from ratefront.complexity.transmitter_bytes import module_bytes

PENALTIES = (1.0, 0.1, 0.01, 1e-3, 1e-4, 1e-5, 1e-6)
_STEPS = 100  # of L-BFGS at each λ; a probe that has not converged is a probe as well
_MEMORY = 10  # steps that L-BFGS remembers, each with two copies of the weights
_LEAST_DEVIATION = 1e-3  # of a feature, as a share of the largest: fp16 has to hold what it is divided by


@dataclass(frozen=True, eq=False)
class LabelledFeatures:
    """Features (N, F), float32, and their labels (N,)."""

    features: Tensor
    labels: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class LinearProbe:
    """A trained probe.

    Attributes:
        layer: From features (n, F) to scores (n, K).
        penalty: λ.
    """

    layer: nn.Linear
    penalty: float

    @property
    def bytes(self) -> int:
        """Of its weights, in fp16."""
        return module_bytes(self.layer)

    @torch.no_grad()
    def scores(self, features: Tensor) -> NDArray[np.float32]:
        """Features (n, F) to scores (n, K)."""
        scores: NDArray[np.float32] = self.layer(features).numpy()
        return scores


def train_linear_probe(train: LabelledFeatures, validation: LabelledFeatures, classes: int) -> LinearProbe:
    """Train a probe on features of the training split; those of the validation split choose λ."""
    return min(_probes(train, classes), key=lambda probe: _validation_loss_bits(probe, validation))


def _probes(train: LabelledFeatures, classes: int) -> Iterator[LinearProbe]:
    """Train a probe for each λ."""
    mean, deviation = _mean_and_deviation(train.features)
    inputs, labels = (train.features - mean) / deviation, torch.from_numpy(train.labels)
    weight = torch.zeros(classes, inputs.shape[1], requires_grad=True)
    bias = torch.zeros(classes, requires_grad=True)
    for penalty in PENALTIES:
        _minimise(inputs, labels, weight, bias, penalty)
        layer = nn.utils.skip_init(nn.Linear, inputs.shape[1], classes)  # draws no random numbers
        with torch.no_grad():
            layer.weight.copy_(weight / deviation)
            layer.bias.copy_(bias - layer.weight @ mean)
        round_to_half(layer)
        yield LinearProbe(layer.requires_grad_(False), penalty)


def _mean_and_deviation(features: Tensor) -> tuple[Tensor, Tensor]:
    deviation, mean = torch.std_mean(features, dim=0, correction=0)
    largest = float(deviation.max())
    return mean, deviation.clamp(min=_LEAST_DEVIATION * largest if largest > 0 else 1.0)


def _minimise(inputs: Tensor, labels: Tensor, weight: Tensor, bias: Tensor, penalty: float) -> None:
    optimiser = torch.optim.LBFGS(
        [weight, bias], max_iter=_STEPS, history_size=_MEMORY, line_search_fn="strong_wolfe"
    )

    def loss() -> Tensor:
        optimiser.zero_grad()
        value = F.cross_entropy(inputs @ weight.T + bias, labels) + 0.5 * penalty * weight.square().sum()
        value.backward()
        return value

    optimiser.step(loss)


def _validation_loss_bits(probe: LinearProbe, validation: LabelledFeatures) -> float:
    scores = probe.scores(validation.features)
    if not np.isfinite(scores).all():  # a weight that fp16 cannot hold
        return np.inf
    predictions = Predictions.from_logits(validation.labels, scores, insist=True)
    return calibrated(predictions)[1].log_loss_bits_after
