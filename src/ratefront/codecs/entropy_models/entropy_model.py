"""What every entropy model is: from latents y to the integers that are sent, their bits, and the strings.

Latents have three forms. ``parameters`` are what per-sample optimisation moves; ``relaxed`` ones are what the
likelihood is computed from while gradients are needed; integers are what is sent. ``synthesis_input`` makes of relaxed ones
what g_s takes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator

import torch
from torch import Tensor, nn

from ratefront.bitstream.entropy_coder import FrequencyTable, SymbolDecoder, SymbolEncoder, Symbols


class EntropyModel(nn.Module, ABC):
    """Sends ``elements`` integers for a sample, side information included."""

    elements: int

    @abstractmethod
    def surrogate(self, y: Tensor, progress: float) -> tuple[Tensor, Tensor]:
        """Training: y of g_a to what g_s takes, and bits (n,). ``progress`` runs from 0 to 1."""

    @abstractmethod
    def latent_parameters(self, y: Tensor) -> Tensor:
        """y of g_a to parameters (n, ...)."""

    @abstractmethod
    def relax(self, parameters: Tensor, temperature: float, generator: torch.Generator) -> Tensor:
        """A differentiable draw near the integers (SGA); the noise is the same for every sample of the batch."""

    @abstractmethod
    def quantize_unbounded(self, parameters: Tensor) -> Tensor:
        """Parameters to integers (n, elements), int32, whatever their range: what training looks at."""

    @abstractmethod
    def quantize(self, parameters: Tensor) -> Tensor:
        """Parameters to the integers (n, elements), int32, that are sent: inside the range of the tables."""

    @abstractmethod
    def dequantize(self, latents: Tensor) -> Tensor:
        """Integers (n, elements) to relaxed latents."""

    @abstractmethod
    def synthesis_input(self, relaxed: Tensor) -> Tensor:
        """Relaxed latents to what g_s takes, of the shape of y."""

    @abstractmethod
    def bits(self, relaxed: Tensor) -> Tensor:
        """−log2 likelihood (n,) of relaxed latents, differentiable."""

    def round_networks(self) -> None:
        """Before training ends: put the weights of networks that choose tables on the grid where they are exact."""
        return

    @abstractmethod
    def update(self, latents: Iterator[Tensor]) -> None:
        """End training: fix what the coder uses; ``latents`` are integers (n, elements) of training samples, batch by
        batch, of which a model takes as many as it needs.
        """

    @abstractmethod
    def write(self, latents: Symbols, encoder: SymbolEncoder) -> None:
        """Code integers (n, elements)."""

    @abstractmethod
    def read(self, samples: int, decoder: SymbolDecoder) -> Symbols:
        """Decode integers (samples, elements)."""

    @abstractmethod
    def estimate_bits(self, latents: Symbols) -> Tensor:
        """−log2 probability (n,), float64, of integers by the tables' pmf, without the coder and its counts."""

    @abstractmethod
    def frequency_tables(self) -> Iterable[FrequencyTable]:
        """The coder's tables."""

    @abstractmethod
    def densities(self) -> list[nn.Module]:
        """The trained densities: training and per-sample optimisation need them, coding does not."""

    def transmitter_modules(self) -> list[nn.Module]:
        """What encoding needs besides the tables."""
        return []

    def further_tensors(self) -> list[Tensor]:
        """Whole numbers below 256 that encoding needs besides, each in a tensor of its own."""
        return []
