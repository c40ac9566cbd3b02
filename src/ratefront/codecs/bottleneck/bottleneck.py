"""A learned bottleneck: features to latents (g_a), an entropy model, latents to features (g_s)."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from ratefront.catalogue.bottlenecks import BottleneckParameters
from ratefront.codecs.bottleneck.transforms import from_map, from_vector, map_shape, to_map, to_vector
from ratefront.codecs.entropy_models.categorical import CategoricalModel
from ratefront.codecs.entropy_models.entropy_model import EntropyModel
from ratefront.codecs.entropy_models.model_by_name import rounding_model

_HYPER_WIDTH = 4


class Bottleneck(nn.Module):
    """g_a, g_s and the entropy model between them."""

    def __init__(self, g_a: nn.Sequential, model: EntropyModel, g_s: nn.Sequential) -> None:
        super().__init__()
        self.g_a, self.model, self.g_s = g_a, model, g_s

    def start(self, features: Tensor) -> Tensor:
        """Features to the parameters (n, ...) of their latents."""
        return self.model.start(self.g_a(features))

    def synthesise(self, relaxed: Tensor) -> Tensor:
        """Relaxed latents to features."""
        features: Tensor = self.g_s(self.model.latent(relaxed))
        return features

    def decode(self, latents: Tensor) -> Tensor:
        """Integers (n, elements) to features."""
        return self.synthesise(self.model.embed(latents))

    def transmitter_modules(self) -> list[nn.Module]:
        """What encoding needs besides the tables."""
        return [self.g_a, *self.model.transmitter_modules()]


def build_bottleneck(
    parameters: BottleneckParameters,
    features: Sequence[int],
    *,
    with_prior: bool,
    g_a: nn.Sequential | None = None,
) -> Bottleneck:
    """A bottleneck for features (C, H, W) or (C,); ``g_a`` takes the place of the one for features.

    Raises:
        InputError: The entropy model does not fit latents of this shape.
    """
    shape = input_shape(parameters, features)
    on_map = len(shape) == 3
    model = _entropy_model(parameters, shape if on_map else (parameters.width,), with_prior=with_prior)
    if g_a is None:
        g_a = to_map(features, shape[0]) if on_map else to_vector(features, shape[0])
    return Bottleneck(g_a, model, from_map(shape[0], features) if on_map else from_vector(shape[0], features))


def input_shape(parameters: BottleneckParameters, features: Sequence[int]) -> tuple[int, ...]:
    """What g_a gives for features of this shape: (outputs,), or a map (channels, h, w)."""
    if parameters.keeps_map and len(features) == 3:
        return map_shape(features, parameters.width)
    return (parameters.width * (parameters.alphabet or 1),)


def _entropy_model(
    parameters: BottleneckParameters, shape: tuple[int, ...], *, with_prior: bool
) -> EntropyModel:
    if parameters.entropy_model == "categorical":
        assert parameters.alphabet is not None, "checked by the parameter model"
        return CategoricalModel(parameters.width, parameters.alphabet, with_prior=with_prior)
    return rounding_model(
        parameters.entropy_model,
        shape,
        hyper_width=parameters.hyper_width or _HYPER_WIDTH,
        slices=parameters.slices,
        scale_bound=parameters.scale_bound,
        surrogate=parameters.surrogate,
        with_prior=with_prior,
    )
