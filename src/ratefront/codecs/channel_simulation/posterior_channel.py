"""Channels p(ŷ | x) behind a task model's posteriors: what is drawn from them stands for the sample."""

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
    """Gives each sample a distribution over the classes."""

    @abstractmethod
    def fit(self, logits: Tensor) -> None:
        """Learn from the training split's logits (N, K) what the channel needs to know of them."""

    @abstractmethod
    def probabilities(self, logits: Tensor) -> FloatArray:
        """p(ŷ | x) (n, K) of samples' logits (n, K)."""


class Tempered(PosteriorChannel):
    """softmax(λ f(x)): sample and communicate (MA §III.A.3)."""

    def __init__(self, sharpness: float) -> None:
        super().__init__()
        self.sharpness = sharpness

    def fit(self, logits: Tensor) -> None:
        """λ is all there is."""

    @override
    def probabilities(self, logits: Tensor) -> FloatArray:
        return np.asarray(softmax(self.sharpness * logits.double().numpy(), axis=1))


class RateDistortionOptimal(PosteriorChannel):
    """q(ŷ) e^{s p(ŷ | x)} / Z(x): of all channels that err as often by the posteriors, the one of least information.

    q (K,) is the solution on the training split; a class that it gives up is never drawn.
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
    """I(X; Ŷ) of rows (N, K), each sample equally likely: the entropy of their mean less their mean entropy."""
    nats = float(entr(channel.mean(axis=0)).sum() - entr(channel).sum(axis=1).mean())
    return max(0.0, nats / float(np.log(2)))
