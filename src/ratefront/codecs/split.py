"""A split task model with a learned bottleneck (RA Fig. 8 top, eq. 10–11; MA's SOTA1 and SOTA2).

::

    X ─ front end (frozen) ─ features ─ g_a ─ ẑ ─ entropy coder ─ ẑ ─ g_s ─ features' ─ back end ─ class
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

from ratefront.codecs.bottleneck import Bottleneck
from ratefront.codecs.contract import EntropyCoded
from ratefront.complexity import multiply_accumulates
from ratefront.entropy_coder import FrequencyTable, SymbolDecoder, SymbolEncoder, Symbols
from ratefront.objectives.distortions import RelativeFeatureError, divergence_from_teacher
from ratefront.refine.sga import Annealing, anneal
from ratefront.symbol_strings import decode_columns, encode_columns

_BATCH = 512
_PASSES_A_STEP = 3  # one forward and a backward of twice its cost


class SplitCodec(EntropyCoded):
    """Front end, bottleneck and back end.

    ``teacher`` is the task model's own back end: with it, per-sample optimisation asks for the teacher's soft output;
    without it, for the task model's deepest features. It never sees a label.
    """

    def __init__(
        self,
        front_end: nn.Module,
        bottleneck: Bottleneck,
        back_end: nn.Sequential,
        beta: float,
        *,
        refinement: Annealing | None = None,
        teacher: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.front_end, self.bottleneck, self.back_end = front_end, bottleneck, back_end
        self.beta, self.refinement, self.teacher = beta, refinement, teacher
        self.feature_error = RelativeFeatureError()

    @property
    def deepest(self) -> nn.Sequential:
        """From the split point to the task model's deepest features: what a distilled codec is compared on.

        Matching deeper layers gives the better rate-distortion performance (RA §V.B). The back end must be frozen.
        """
        return self.back_end[:-1]

    @property
    def elements(self) -> int:
        return self.bottleneck.elements

    @torch.no_grad()
    def features(self, images: Tensor) -> Tensor:
        """Features (n, ...) at the split point, on the codec's device."""
        return torch.cat([self.front_end(batch.to(self.device)) for batch in images.split(_BATCH)])

    def analyse(self, images: Tensor, first: int = 0) -> Symbols:
        latents = [self.latents_of(self.features(batch)) for batch in images.split(_BATCH)]
        return torch.cat(latents).cpu().numpy()

    @torch.no_grad()
    def latents_of(self, features: Tensor) -> Tensor:
        """The integers (n, elements), int32, that are sent for features (n, ...)."""
        parameters = self.bottleneck.g_a(features)
        if self.refinement is not None:
            parameters = self._refine(features, parameters, self.refinement)
        return self.bottleneck.harden(parameters)

    def _refine(self, features: Tensor, parameters: Tensor, settings: Annealing) -> Tensor:
        target = self.deepest(features) if self.teacher is None else self.teacher(features)

        def loss(relaxed: Tensor) -> Tensor:
            synthesised = self.bottleneck.g_s(relaxed)
            if self.teacher is None:
                distortion = self.feature_error(self.deepest(synthesised), target)
            else:
                distortion = divergence_from_teacher(self.back_end(synthesised), target)
            total: Tensor = self.bottleneck.bits(relaxed) + self.beta * distortion
            return total

        return anneal(self.bottleneck, parameters, loss, settings)

    def write(self, latents: Symbols, first: int, encoder: SymbolEncoder) -> None:
        encode_columns(latents, self.bottleneck.settled.tables(), encoder)

    def read(self, samples: int, first: int, decoder: SymbolDecoder) -> Symbols:
        return decode_columns(samples, self.bottleneck.settled.tables(), decoder)

    @torch.no_grad()
    def classify(self, latents: Symbols, first: int = 0) -> Tensor:
        batches = torch.from_numpy(latents).split(_BATCH)
        return torch.cat([self.logits(batch.to(self.device)).argmax(dim=1).cpu() for batch in batches])

    def logits(self, latents: Tensor) -> Tensor:
        """Integers (n, elements) to logits (n, K)."""
        logits: Tensor = self.back_end(self.bottleneck.g_s(self.bottleneck.embed(latents)))
        return logits

    def estimate_bits(self, latents: Symbols, first: int = 0) -> Tensor:
        return self.bottleneck.settled.bits(latents)

    def transmitter_modules(self) -> Sequence[nn.Module]:
        return [self.front_end, self.bottleneck.g_a, *self._refining_modules()]

    def _refining_modules(self) -> list[nn.Module]:
        """What per-sample optimisation adds: synthesis and prior, and what its target is computed with."""
        if self.refinement is None:
            return []
        target = [self.deepest] if self.teacher is None else [self.back_end, self.teacher]
        return [
            module for module in (self.bottleneck.g_s, self.bottleneck.prior, *target) if module is not None
        ]

    def transmitter_tables(self) -> Iterable[FrequencyTable]:
        return self.bottleneck.settled.tables()

    def transmitter_macs(self, image: Tensor) -> int:
        features = self.features(image)
        once = multiply_accumulates(nn.Sequential(self.front_end, self.bottleneck.g_a), image)
        if self.refinement is None:
            return once
        relaxed = self.bottleneck.embed(self.bottleneck.harden(self.bottleneck.g_a(features)))
        behind = self.deepest if self.teacher is None else self.back_end
        step = multiply_accumulates(nn.Sequential(self.bottleneck.g_s, behind), relaxed)
        target = multiply_accumulates(self.teacher or self.deepest, features)
        return once + target + _PASSES_A_STEP * self.refinement.steps * step
