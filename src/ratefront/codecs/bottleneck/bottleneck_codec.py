"""A task model with a learned bottleneck in it (RA Fig. 8 top and bottom, eq. 10–11; MA's SOTA1 and SOTA2).

::

    X ─ front end ─ features ─ g_a ─ ŷ ─ entropy coder ─ ŷ ─ g_s ─ features' ─ back end ─ class

A split codec has the task model's front end, frozen. A student has none: its g_a takes the sample itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn
from typing_extensions import override

from ratefront.bitstream.entropy_coder import SymbolDecoder, SymbolEncoder, Symbols
from ratefront.bitstream.frequency_table import FrequencyTable
from ratefront.codecs.bottleneck.bottleneck import Bottleneck
from ratefront.codecs.codec_interface import EntropyCoded
from ratefront.codecs.distortions import RelativeFeatureError
from ratefront.codecs.refinement.refinement_target import Refinement
from ratefront.codecs.refinement.sga import anneal
from ratefront.complexity.macs import Macs, multiply_accumulates
from ratefront.task_models.task_model import default_batch_size

_PASSES_PER_STEP = 3  # a forward pass, and a backward pass of twice its cost


class BottleneckCodec(EntropyCoded):
    """Front end, bottleneck and back end.

    Attributes:
        beta: β of rate + β·distortion, in training and in refinement.
        feature_error: The distance between features.
        teacher: The task model's own back end, where refinement compares with its output; else None.
        refinement: Optimises latents at encode time; None where latents are only rounded.
    """

    def __init__(
        self,
        front_end: nn.Module,
        bottleneck: Bottleneck,
        back_end: nn.Sequential,
        beta: float,
        *,
        feature_error: RelativeFeatureError,
        teacher: nn.Sequential | None = None,
    ) -> None:
        super().__init__()
        self.front_end, self.bottleneck, self.back_end = front_end, bottleneck, back_end
        self.beta, self.feature_error, self.teacher = beta, feature_error, teacher
        self.refinement: Refinement | None = None

    @property
    def deepest(self) -> nn.Sequential:
        """The layers from the split point to the task model's deepest features, on which distilled codecs are compared.

        Matching deeper layers gives better rate–distortion performance (RA §V.B). The back end must be frozen.
        """
        return self.back_end[:-1]

    @property
    @override
    def elements(self) -> int:
        return self.bottleneck.model.elements

    @torch.no_grad()
    def features(self, images: Tensor) -> Tensor:
        """Features (n, ...) at the split point, on the codec's device."""
        batches = images.split(default_batch_size(images.shape[1:]))
        return torch.cat([self.front_end(batch.to(self.device)) for batch in batches])

    @override
    def analyse(self, images: Tensor, first: int = 0) -> Symbols:
        batches = images.split(default_batch_size(images.shape[1:]))
        latents = [self.quantize_features(self.features(batch)) for batch in batches]
        return torch.cat(latents).cpu().numpy()

    @torch.no_grad()
    def quantize_features(self, features: Tensor) -> Tensor:
        """The integers (n, elements), int32, that are sent for features (n, ...)."""
        parameters = self.bottleneck.latent_parameters(features)
        if self.refinement is not None:
            parameters = self._refine(features, parameters, self.refinement)
        return self.bottleneck.model.quantize(parameters)

    def _refine(self, features: Tensor, parameters: Tensor, refinement: Refinement) -> Tensor:
        target, model = refinement.target.reference_network(features), self.bottleneck.model

        def loss(relaxed: Tensor) -> Tensor:
            distortion = refinement.target.distortion(self.bottleneck.synthesise(relaxed), target)
            return model.bits(relaxed) + self.beta * distortion

        return anneal(model, parameters, loss, refinement.settings)

    @override
    def write(self, latents: Symbols, first: int, encoder: SymbolEncoder) -> None:
        self.bottleneck.model.write(latents, encoder)

    @override
    def read(self, samples: int, first: int, decoder: SymbolDecoder) -> Symbols:
        return self.bottleneck.model.read(samples, decoder)

    @override
    def classify(self, latents: Symbols, first: int = 0) -> Tensor:
        return self.class_scores(latents, first).argmax(dim=1)

    @torch.no_grad()
    @override
    def class_scores(self, latents: Symbols, first: int = 0) -> Tensor:
        batches = torch.from_numpy(latents).split(default_batch_size(latents.shape[1:]))
        return torch.cat([self.logits(batch.to(self.device)).cpu() for batch in batches])

    def logits(self, latents: Tensor) -> Tensor:
        """Integers (n, elements) to logits (n, K)."""
        logits: Tensor = self.back_end(self.bottleneck.decode(latents))
        return logits

    @override
    def estimate_bits(self, latents: Symbols, first: int = 0) -> Tensor:
        return self.bottleneck.model.estimate_bits(latents)

    @override
    def transmitter_modules(self) -> Sequence[nn.Module]:
        return [self.front_end, *self.bottleneck.transmitter_modules(), *self._refinement_modules()]

    def _refinement_modules(self) -> list[nn.Module]:
        """What per-sample optimisation adds: g_s, the densities, and the networks of its target."""
        if self.refinement is None:
            return []
        densities = self.bottleneck.model.densities()
        return [self.bottleneck.g_s, *densities, *self.refinement.target.modules()]

    @override
    @torch.no_grad()
    def transmitter_features(self, images: Tensor) -> Tensor:
        """The front end's output; g_a's own, where there is no front end."""
        if not isinstance(self.front_end, nn.Identity):
            return self.features(images)
        batches = images.split(default_batch_size(images.shape[1:]))
        return torch.cat([self.bottleneck.g_a(batch.to(self.device)) for batch in batches])

    @override
    def transmitter_tables(self) -> Iterable[FrequencyTable]:
        return self.bottleneck.model.frequency_tables()

    @override
    def further_state_bytes(self) -> int:
        return len(self.bottleneck.model.further_tensors())

    @override
    def transmitter_tensors(self) -> list[Tensor]:
        return [*super().transmitter_tensors(), *self.bottleneck.model.further_tensors()]

    @override
    def transmitter_macs(self, image: Tensor) -> Macs:
        once = multiply_accumulates(
            lambda one: self._quantize(self.bottleneck.latent_parameters(self.front_end(one))), image
        )
        if self.refinement is None:
            return once
        features = self.features(image)
        relaxed = self.bottleneck.model.dequantize(self.quantize_features(features))
        step = multiply_accumulates(self._refinement_forward, relaxed)
        reference = multiply_accumulates(self.refinement.target.reference_network, features)
        return once + reference + step.times(_PASSES_PER_STEP * self.refinement.settings.steps)

    def _quantize(self, parameters: Tensor) -> Tensor:
        return self.bottleneck.model.quantize(parameters)

    def _refinement_forward(self, relaxed: Tensor) -> object:
        assert self.refinement is not None
        return self.bottleneck.model.bits(relaxed), self.refinement.target.coded_network(
            self.bottleneck.synthesise(relaxed)
        )
