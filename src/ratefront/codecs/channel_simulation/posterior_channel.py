"""Channels p(ŷ | x) computed from a task model's posterior; a draw from the channel is sent for the sample."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import entr, softmax
from torch import Tensor, nn
from typing_extensions import override

from ratefront.bounds import task_model_point

FloatArray = NDArray[np.float64]


class PosteriorChannel(nn.Module, ABC):
    """Gives each sample a distribution over the classes to draw from."""

    @abstractmethod
    def fit(self, logits: Tensor) -> None:
        """Fit what the channel needs to the training split's logits (N, K)."""

    @abstractmethod
    def probabilities(self, logits: Tensor) -> FloatArray:
        """The distributions p(ŷ | x) (n, K) of samples with logits (n, K)."""


class TemperedPosterior(PosteriorChannel):
    """softmax(λ f(x)): sample and communicate (MA §III.A.3); λ is ``sharpness``."""

    def __init__(self, sharpness: float) -> None:
        super().__init__()
        self.sharpness = sharpness

    def fit(self, logits: Tensor) -> None:
        """There is nothing to fit: λ is given."""

    @override
    def probabilities(self, logits: Tensor) -> FloatArray:
        return np.asarray(softmax(self.sharpness * logits.double().numpy(), axis=1))


class RateDistortionOptimal(PosteriorChannel):
    """q(ŷ) e^{s p(ŷ | x)} / Z(x): the channel of least information at its expected error, by the posteriors.

    ``output`` is q (K,), the solution on the training split. A class with q = 0 is never drawn.
    """

    output: Tensor

    def __init__(self, slope: float, classes: int) -> None:
        super().__init__()
        self.slope = slope
        self.register_buffer("output", torch.full((classes,), 1 / classes, dtype=torch.float64))

    @override
    def fit(self, logits: Tensor) -> None:
        self.output.copy_(torch.from_numpy(task_model_point(logits.numpy(), self.slope).output))

    @override
    def probabilities(self, logits: Tensor) -> FloatArray:
        tilt = self.slope * softmax(logits.double().numpy(), axis=1)
        return np.asarray(softmax(np.log(self.output.cpu().numpy()) + tilt, axis=1))


def information_bits(channel: FloatArray) -> float:
    """I(X; Ŷ) in bit/sample of rows (N, K), all samples equally likely: entropy of the mean less mean entropy."""
    nats = float(entr(channel.mean(axis=0)).sum() - entr(channel).sum(axis=1).mean())
    return max(0.0, nats / float(np.log(2)))
