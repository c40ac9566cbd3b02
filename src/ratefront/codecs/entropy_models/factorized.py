"""The factorized entropy model (Ballé et al. 2018; CompressAI's EntropyBottleneck): a density for each channel.

::

    y = g_a(features) ─ round, saturate ─ ŷ ─ coder ─ g_s(ŷ)        p(ŷ) = Π_c Π_i p_c(ŷ_ci)

Quantization is zero-centred, and it saturates: a channel has a range that holds all but 2^-17 of its mass on either
side, and an integer outside of it is sent as the end of the range.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod

import torch
from torch import Tensor, nn
from typing_extensions import override

from ratefront.bitstream.entropy_coder import SymbolDecoder, SymbolEncoder, Symbols
from ratefront.bitstream.frequency_table import FrequencyTable
from ratefront.bitstream.latent_string_coder import decode_columns, encode_columns
from ratefront.codecs.entropy_models.entropy_model import EntropyModel
from ratefront.codecs.entropy_models.quantization import Surrogate, quantize_for_training, sga_rounding
from ratefront.codecs.entropy_models.quantized_tables import QuantizedTables

_REACH = 64  # integers from -64 to 64 can be sent
_TAIL = 2.0**-17  # less than half of the probability of the coder's smallest count
_INITIAL_SCALE = 4


class FactorizedModel(EntropyModel):
    """For y of shape (C,) or (C, H, W): all positions of a channel share its density.

    Attributes:
        shape: The shape of one sample's y.
        channels: C.
        elements: C·H·W, the integers that are sent for a sample.
    """

    def __init__(
        self, shape: Sequence[int], *, surrogate: Surrogate = "mixed", with_prior: bool = True
    ) -> None:
        super().__init__()
        self.shape, self.channels, self.elements = tuple(shape), shape[0], prod(shape)
        self.training_surrogate = surrogate
        self.prior = _density(self.channels) if with_prior else None
        self.tables = QuantizedTables(self.channels, 2 * _REACH + 1)

    @override
    def surrogate(self, y: Tensor, progress: float) -> tuple[Tensor, Tensor]:
        for_synthesis, for_rate = quantize_for_training(y.flatten(1), self.training_surrogate)
        return self.synthesis_input(for_synthesis), self.bits(for_rate)

    @override
    def latent_parameters(self, y: Tensor) -> Tensor:
        return y.flatten(1)

    @override
    def relax(self, parameters: Tensor, temperature: float, generator: torch.Generator) -> Tensor:
        return sga_rounding(parameters, temperature, generator)

    @override
    def quantize_unbounded(self, parameters: Tensor) -> Tensor:
        return parameters.round().to(torch.int32)

    @override
    def quantize(self, parameters: Tensor) -> Tensor:
        low, high = (end.repeat_interleave(self._elements_per_channel) for end in self.tables.ranges)
        return self.quantize_unbounded(parameters).clamp(low, high)

    @override
    def dequantize(self, latents: Tensor) -> Tensor:
        return latents.to(torch.float32)

    @override
    def synthesis_input(self, relaxed: Tensor) -> Tensor:
        return relaxed.reshape(-1, *self.shape)

    @override
    def bits(self, relaxed: Tensor) -> Tensor:
        assert self.prior is not None, "a receiver has no density to train"
        likelihood: Tensor = self.prior.likelihood(self._rows(relaxed))  # type: ignore[operator]
        return -likelihood.log2().reshape(len(relaxed), self.elements).sum(dim=1)

    @torch.no_grad()
    def update(self, latents: Iterator[Tensor]) -> None:
        """The tables come from the learned density alone; ``latents`` is not read."""
        assert self.prior is not None, "a receiver has no density to update tables from"
        device = next(self.prior.parameters()).device
        grid = torch.arange(-_REACH, _REACH + 1, device=device, dtype=torch.float32)
        likelihood = self.prior.likelihood(grid[:, None].expand(-1, self.channels))  # type: ignore[operator]
        self.tables.update([_saturated(column.double().cpu()) for column in likelihood.T])

    @override
    def write(self, latents: Symbols, encoder: SymbolEncoder) -> None:
        columns = latents.reshape(-1, self.channels, self._elements_per_channel).swapaxes(1, 2)
        encode_columns(columns.reshape(-1, self.channels), self.tables.frequency_tables(), encoder)

    @override
    def read(self, samples: int, decoder: SymbolDecoder) -> Symbols:
        rows = decode_columns(samples * self._elements_per_channel, self.tables.frequency_tables(), decoder)
        return (
            rows.reshape(-1, self._elements_per_channel, self.channels)
            .swapaxes(1, 2)
            .reshape(-1, self.elements)
        )

    @override
    def estimate_bits(self, latents: Symbols) -> Tensor:
        rows = self._rows(torch.from_numpy(latents)).numpy()
        return self.tables.bits(rows).reshape(-1, self._elements_per_channel).sum(dim=1)

    @override
    def frequency_tables(self) -> list[FrequencyTable]:
        return self.tables.frequency_tables()

    @override
    def densities(self) -> list[nn.Module]:
        return [] if self.prior is None else [self.prior]

    @property
    def _elements_per_channel(self) -> int:
        return self.elements // self.channels

    def _rows(self, values: Tensor) -> Tensor:
        """Values (n, C·H·W) as (n·H·W, C)."""
        return (
            values.reshape(-1, self.channels, self._elements_per_channel)
            .transpose(1, 2)
            .reshape(-1, self.channels)
        )


def _density(channels: int) -> nn.Module:
    from ratefront.codecs.entropy_models.densities import FactorizedDensity

    density: nn.Module = FactorizedDensity(channels, init_scale=_INITIAL_SCALE)
    return density


def _saturated(pmf: Tensor) -> tuple[int, Tensor]:
    """The range that holds all but a tail on either side; its ends get the tails' mass."""
    total = pmf.cumsum(0) / pmf.sum()
    first = int((total < _TAIL).sum())
    last = max(first, int((total < 1 - _TAIL).sum()))
    kept = pmf[first : last + 1].clone()
    kept[0] += pmf[:first].sum()
    kept[-1] += pmf[last + 1 :].sum()
    return first - _REACH, kept
