"""A learned bottleneck: analysis transform g_a, entropy model, synthesis transform g_s."""

from __future__ import annotations

from collections.abc import Sequence

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

_HYPER_WIDTH = 4


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

    def transmitter_modules(self) -> list[nn.Module]:
        """The networks that encoding needs besides the tables."""
        return [self.g_a, *self.model.transmitter_modules()]


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
    model = _entropy_model(parameters, shape if on_map else (parameters.width,), with_prior=with_prior)
    if g_a is None:
        g_a = build_analysis(features, shape)
    return Bottleneck(
        g_a, model, map_synthesis(shape[0], features) if on_map else vector_synthesis(shape[0], features)
    )


def build_analysis(features: Sequence[int], latents: Sequence[int]) -> nn.Sequential:
    """Build g_a for features (C, H, W) or (C,), giving latents (outputs,) or (channels, h, w)."""
    analysis = map_analysis if len(latents) == 3 else vector_analysis
    return analysis(features, latents[0])


def latent_shape_of_features(parameters: BottleneckParameters, features: Sequence[int]) -> tuple[int, ...]:
    """The shape of y that the entropy model takes: (outputs,), or a map (channels, h, w)."""
    if parameters.keeps_map and len(features) == 3:
        return map_shape(features, parameters.width)
    return (parameters.width * (parameters.alphabet or 1),)


def _entropy_model(
    parameters: BottleneckParameters, shape: tuple[int, ...], *, with_prior: bool
) -> EntropyModel:
    if parameters.entropy_model == "categorical":
        assert parameters.alphabet is not None, "checked by the parameter model"
        return CategoricalModel(parameters.width, parameters.alphabet, with_prior=with_prior)
    return build_entropy_model(
        parameters.entropy_model,
        shape,
        hyper_width=parameters.hyper_width or _HYPER_WIDTH,
        slices=parameters.slices,
        scale_bound=parameters.scale_bound,
        surrogate=parameters.surrogate,
        with_prior=with_prior,
    )
