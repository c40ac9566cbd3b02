"""A low-rate discrete entropy model: a few symbols from small alphabets, each with a learned prior.

::

    logits = g_a(features) ─ argmax per element ─ ẑ ─ coder ─ g_s(one-hot ẑ)        p(ẑ) = Π_j π_j(ẑ_j)

At 3 to 10 bit/sample nothing is rounded: a sample is a word of ``width`` letters. Training draws straight-through
Gumbel-softmax words (Jang et al. 2017) with a falling temperature. At test the encoder takes the most likely letters.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from typing_extensions import override

from ratefront.bitstream.entropy_coder import SymbolDecoder, SymbolEncoder, Symbols
from ratefront.bitstream.frequency_table import FrequencyTable
from ratefront.bitstream.latent_string_coder import decode_columns, encode_columns
from ratefront.codecs.entropy_models.entropy_model import EntropyModel
from ratefront.codecs.entropy_models.quantization import gumbel_noise
from ratefront.codecs.entropy_models.quantized_tables import QuantizedTables

_FIRST_TEMPERATURE, _LAST_TEMPERATURE = 1.5, 0.3  # of Gumbel-softmax in training
_HARD_FROM = 0.5  # of training; hard words from the start on would leave most letters unused
_SMOOTHING = 0.5
_LOG2E = 1.4426950408889634


class _Prior(nn.Module):
    def __init__(self, width: int, alphabet: int) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.zeros(width, alphabet))


class CategoricalModel(EntropyModel):
    """For y = logits (width · alphabet,): ``width`` letters of ``alphabet`` symbols each.

    Parameters are logits (n, width, alphabet), relaxed latents are weights of the same shape.
    """

    def __init__(self, width: int, alphabet: int, *, with_prior: bool = True) -> None:
        super().__init__()
        self.elements, self.alphabet = width, alphabet
        self.prior = _Prior(width, alphabet) if with_prior else None
        self.tables = QuantizedTables(width, alphabet)

    @override
    def surrogate(self, y: Tensor, progress: float) -> tuple[Tensor, Tensor]:
        temperature = _FIRST_TEMPERATURE * (_LAST_TEMPERATURE / _FIRST_TEMPERATURE) ** progress
        words = F.gumbel_softmax(self.latent_parameters(y), tau=temperature, hard=progress >= _HARD_FROM)
        return self.synthesis_input(words), self.bits(words)

    @override
    def latent_parameters(self, y: Tensor) -> Tensor:
        logits: Tensor = y.unflatten(1, (self.elements, self.alphabet))
        return logits

    @override
    def relax(self, parameters: Tensor, temperature: float, generator: torch.Generator) -> Tensor:
        noisy = parameters / temperature + gumbel_noise(parameters, generator)
        return (noisy / temperature).softmax(dim=-1)

    @override
    def quantize_unbounded(self, parameters: Tensor) -> Tensor:
        return parameters.argmax(dim=-1).to(torch.int32)

    @override
    def quantize(self, parameters: Tensor) -> Tensor:
        return self.quantize_unbounded(parameters)

    @override
    def dequantize(self, latents: Tensor) -> Tensor:
        return F.one_hot(latents.long(), self.alphabet).to(torch.float32)

    @override
    def synthesis_input(self, relaxed: Tensor) -> Tensor:
        return relaxed.flatten(1)

    @override
    def bits(self, relaxed: Tensor) -> Tensor:
        assert isinstance(self.prior, _Prior), "a receiver has no prior to train"
        return -_LOG2E * (relaxed * self.prior.logits.log_softmax(dim=-1)).sum(dim=(1, 2))

    @torch.no_grad()
    def update(self, latents: Iterator[Tensor]) -> None:
        """The tables are the letters' frequencies on the training split, as the encoder chooses them without noise."""
        assert isinstance(self.prior, _Prior), "a receiver has no prior to update"
        counts = self.prior.logits.new_full((self.elements, self.alphabet), _SMOOTHING)
        for batch in latents:
            counts.scatter_add_(1, batch.T.long(), counts.new_ones(batch.T.shape))
        self.prior.logits.copy_((counts / counts.sum(dim=1, keepdim=True)).log().half())
        self.tables.update([(0, row.cpu()) for row in counts])

    @override
    def write(self, latents: Symbols, encoder: SymbolEncoder) -> None:
        encode_columns(latents, self.tables.frequency_tables(), encoder)

    @override
    def read(self, samples: int, decoder: SymbolDecoder) -> Symbols:
        return decode_columns(samples, self.tables.frequency_tables(), decoder)

    @override
    def estimate_bits(self, latents: Symbols) -> Tensor:
        return self.tables.bits(latents)

    @override
    def frequency_tables(self) -> list[FrequencyTable]:
        return self.tables.frequency_tables()

    @override
    def densities(self) -> list[nn.Module]:
        return [] if self.prior is None else [self.prior]
