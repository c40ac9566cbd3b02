"""A learned bottleneck: analysis transform g_a, entropy model, synthesis transform g_s."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ratefront.catalogue.bottlenecks import BottleneckParameters
from ratefront.codecs.bottleneck.feature_transforms import (
    map_analysis,
    map_shape,
    map_synthesis,
    vector_analysis,
    vector_synthesis,
)
from ratefront.codecs.entropy_models.build_entropy_model import build_entropy_model
from ratefront.codecs.entropy_models.categorical import CategoricalModel
from ratefront.codecs.entropy_models.entropy_model import EntropyModel
from ratefront.codecs.entropy_models.letter_surrogates import DEFAULT_LETTER_SURROGATE
from ratefront.errors import InputError

_HYPER_WIDTH = 4
_LEAST_DEVIATION = 1e-6  # of what a layer gives, so that weights stay finite


class TrainingPass(NamedTuple):
    """What a bottleneck gives for n samples while it is trained.

    Attributes:
        synthesised: The features (n, ...) that g_s gives.
        bits: The bits (n,) of the samples.
        information: How much a letter says of a sample, in bit; 0 where latents are rounded.
    """

    synthesised: Tensor
    bits: Tensor
    information: Tensor


class Bottleneck(nn.Module):
    """g_a from features to y, an entropy model, and g_s from ŷ back to features."""

    def __init__(self, g_a: nn.Sequential, model: EntropyModel, g_s: nn.Sequential) -> None:
        super().__init__()
        self.g_a, self.model, self.g_s = g_a, model, g_s

    def latent_parameters(self, features: Tensor) -> Tensor:
        """The parameters (n, ...) of the latents of features; see ``EntropyModel``."""
        return self.model.latent_parameters(self.g_a(features))

    def synthesise(self, relaxed: Tensor) -> Tensor:
        """Relaxed latents to features."""
        features: Tensor = self.g_s(self.model.synthesis_input(relaxed))
        return features

    def decode(self, latents: Tensor) -> Tensor:
        """Integers (n, elements) to features."""
        return self.synthesise(self.model.dequantize(latents))

    def surrogate(self, inputs: Tensor, progress: float) -> TrainingPass:
        """The training pass, with a differentiable surrogate of rounding.

        Args:
            inputs: What g_a takes, for n samples.
            progress: How much of the training is done, from 0 to 1.
        """
        y = self.g_a(inputs)
        if progress < self.model.centred_until:
            y = self._centre(y)
        latent, bits = self.model.surrogate(y, progress)
        return TrainingPass(self.g_s(latent), bits, self.model.information(y))

    @torch.no_grad()
    def spread(self, inputs: Tensor) -> None:
        """Scale g_a's layers so that each gives values of standard deviation 1, and the last one of mean 0 as well.

        It is for random weights, whose latents hardly differ between samples (LSUV, Mishkin & Matas 2016), and does
        nothing where the entropy model rounds.
        """
        if not self.model.spreads:
            return
        values = inputs
        for layer in self.g_a:
            outputs = layer(values)
            if isinstance(layer, nn.Linear | nn.Conv2d):
                mean = _mean(outputs) if layer is self.g_a[-1] else torch.zeros_like(_mean(outputs))
                _standardise(layer, mean, (outputs - _by_channel(mean, outputs)).std())
                outputs = layer(values)
            values = outputs

    def _centre(self, y: Tensor) -> Tensor:
        """Y without its mean over the batch, which g_a's bias loses as well, so that g_a alone gives the same.

        No gradient then moves the y of all samples together. Otherwise all samples choose one letter, that nearest to
        the mean of the features, before g_s has learned to tell letters apart; and no gradient leads back.
        """
        mean = _mean(y)
        with torch.no_grad():
            self._last_bias().sub_(mean)
        return y - _by_channel(mean, y)

    def _last_bias(self) -> Tensor:
        last = self.g_a[-1]
        assert isinstance(last, nn.Linear | nn.Conv2d), "g_a ends with a layer of weights"
        assert last.bias is not None, "g_a ends with a bias"
        return last.bias

    def transmitter_modules(self) -> list[nn.Module]:
        """The networks that encoding needs besides the tables."""
        return [self.g_a, *self.model.transmitter_modules()]


def _mean(y: Tensor) -> Tensor:
    """The mean (C,) of y (n, C, ...) over all but its channels."""
    return y.transpose(0, 1).flatten(1).mean(dim=1)


def _by_channel(values: Tensor, y: Tensor) -> Tensor:
    """Values (C,) in a shape that is broadcast over y (n, C, ...)."""
    return values.reshape(-1, *[1] * (y.dim() - 2))


def _standardise(layer: nn.Linear | nn.Conv2d, mean: Tensor, deviation: Tensor) -> None:
    """Change a layer so that it gives (what it gave − mean) / deviation."""
    factor = 1 / deviation.clamp_min(_LEAST_DEVIATION)
    layer.weight.mul_(factor)
    if layer.bias is not None:
        layer.bias.sub_(mean).mul_(factor)


def build_bottleneck(
    parameters: BottleneckParameters,
    features: Sequence[int],
    *,
    with_prior: bool,
    g_a: nn.Sequential | None = None,
) -> Bottleneck:
    """Build a bottleneck for features (C, H, W) or (C,); ``g_a`` replaces the analysis transform of these features.

    Raises:
        InputError: The entropy model does not fit latents of this shape.
    """
    shape = latent_shape_of_features(parameters, features)
    on_map = len(shape) == 3
    model = _entropy_model(parameters, (parameters.width, *shape[1:]), with_prior=with_prior)
    if g_a is None:
        g_a = build_analysis(parameters, features, features)
    return Bottleneck(
        g_a, model, map_synthesis(shape[0], features) if on_map else vector_synthesis(shape[0], features)
    )


def build_analysis(
    parameters: BottleneckParameters, inputs: Sequence[int], features: Sequence[int]
) -> nn.Sequential:
    """Build g_a from inputs (C', H, W) or (C',) to the latents of features (C, H, W) or (C,).

    The inputs are the features, or those of a front end with fewer channels.
    """
    shape = latent_shape_of_features(parameters, features)
    if len(shape) == 3:
        return map_analysis(inputs, shape[0], letters=parameters.entropy_model == "categorical")
    return vector_analysis(inputs, shape[0])


def latent_shape_of_features(parameters: BottleneckParameters, features: Sequence[int]) -> tuple[int, ...]:
    """The shape of y that the entropy model takes: (outputs,), or a map (channels, h, w)."""
    channels = parameters.width * (parameters.alphabet or 1)
    if parameters.keeps_map and len(features) == 3:
        return map_shape(features, channels)
    return (channels,)


def _entropy_model(
    parameters: BottleneckParameters, shape: tuple[int, ...], *, with_prior: bool
) -> EntropyModel:
    if parameters.entropy_model == "categorical":
        return _categorical_model(parameters, shape, with_prior=with_prior)
    assert parameters.surrogate != "gumbel", "checked by the parameter model"
    return build_entropy_model(
        parameters.entropy_model,
        shape,
        hyper_width=parameters.hyper_width or _HYPER_WIDTH,
        slices=parameters.slices,
        scale_bound=parameters.scale_bound,
        surrogate=parameters.surrogate,
        with_prior=with_prior,
    )


def _categorical_model(
    parameters: BottleneckParameters, shape: tuple[int, ...], *, with_prior: bool
) -> CategoricalModel:
    assert parameters.alphabet is not None, "checked by the parameter model"
    if len(shape) == 3 and (problem := parameters.letters_problem((shape[1], shape[2]))):
        raise InputError(problem)
    surrogate = parameters.surrogate or DEFAULT_LETTER_SURROGATE
    assert surrogate in ("gumbel", "straight_through"), "checked by the parameter model"
    return CategoricalModel(shape, parameters.alphabet, surrogate=surrogate, with_prior=with_prior)
