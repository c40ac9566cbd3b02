"""The interface of every entropy model: from latents y to the integers that are sent, their bits, and their strings.

Latents have three forms. *Parameters* are continuous; per-sample optimisation moves them. *Relaxed* latents are
differentiable; the likelihood is computed from them. *Integers* are what is sent. The names follow CompressAI:
``quantize`` makes integers, ``dequantize`` makes relaxed latents of integers, and ``update`` fixes the coder's tables
at the end of training.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator

import torch
from torch import Tensor, nn

from ratefront.bitstream.entropy_coder import SymbolDecoder, SymbolEncoder, Symbols
from ratefront.bitstream.frequency_table import FrequencyTable


class EntropyModel(nn.Module, ABC):
    """Sends ``elements`` integers for each sample, side information included.

    Attributes:
        elements: The integers of a sample.
        centred_until: The share of the training in which y is centred over each batch.
        spreads: Whether the first weights of g_a are scaled, so that y has a standard deviation of 1 over samples.
    """

    elements: int
    centred_until: float = 0.0
    spreads: bool = False

    @abstractmethod
    def surrogate(self, y: Tensor, progress: float) -> tuple[Tensor, Tensor]:
        """The training pass, with a differentiable surrogate of rounding.

        Args:
            y: What g_a gives for n samples.
            progress: How much of the training is done, from 0 to 1.

        Returns:
            What g_s takes, and the bits (n,) of the samples.
        """

    @abstractmethod
    def latent_parameters(self, y: Tensor) -> Tensor:
        """The parameters (n, ...) of the latents, of y from g_a."""

    @abstractmethod
    def relax(self, parameters: Tensor, temperature: float, generator: torch.Generator) -> Tensor:
        """A differentiable draw near the integers, for stochastic Gumbel annealing (SGA).

        All samples of the batch get the same noise, so that a sample does not depend on its neighbours.
        """

    @abstractmethod
    def quantize_unbounded(self, parameters: Tensor) -> Tensor:
        """Parameters to integers (n, elements), int32, of any size.

        Training uses it, before the tables are fixed.
        """

    @abstractmethod
    def quantize(self, parameters: Tensor) -> Tensor:
        """Parameters to the integers (n, elements), int32, that are sent: they lie in the range of the tables."""

    @abstractmethod
    def dequantize(self, latents: Tensor) -> Tensor:
        """Integers (n, elements) to relaxed latents."""

    @abstractmethod
    def synthesis_input(self, relaxed: Tensor) -> Tensor:
        """Relaxed latents to what g_s takes; it has the shape of y."""

    @abstractmethod
    def bits(self, relaxed: Tensor) -> Tensor:
        """−log2 likelihood (n,) of relaxed latents, differentiable."""

    def information(self, y: Tensor) -> Tensor:
        """How much a letter says of a sample, in bit and differentiable: for models that choose letters.

        Training rewards it at the start, so that all letters come into use.
        """
        return y.new_zeros(())

    def round_networks(self) -> None:
        """Round the weights of the networks that choose tables to the grid of the integer networks.

        It is called once, before ``update``. A model without such networks does nothing.
        """
        return

    @abstractmethod
    def update(self, latents: Iterator[Tensor]) -> None:
        """Fix the coder's tables at the end of training.

        Args:
            latents: Integers (n, elements) of training samples, batch by batch; a model takes as many batches as it
                needs.
        """

    @abstractmethod
    def write(self, latents: Symbols, encoder: SymbolEncoder) -> None:
        """Code integers (n, elements)."""

    @abstractmethod
    def read(self, samples: int, decoder: SymbolDecoder) -> Symbols:
        """Decode integers (samples, elements)."""

    @abstractmethod
    def estimate_bits(self, latents: Symbols) -> Tensor:
        """−log2 probability (n,), float64, of integers by the tables' pmf; the coder and its counts are not used."""

    @abstractmethod
    def frequency_tables(self) -> Iterable[FrequencyTable]:
        """The coder's tables."""

    @abstractmethod
    def densities(self) -> list[nn.Module]:
        """The learned densities: training and per-sample optimisation need them, coding does not."""

    def transmitter_modules(self) -> list[nn.Module]:
        """The networks that encoding needs besides g_a and the tables."""
        return []

    def further_tensors(self) -> list[Tensor]:
        """Further numbers that encoding needs, each below 256 and in a tensor of its own: one byte each."""
        return []
