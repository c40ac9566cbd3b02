"""A low-rate discrete entropy model: a few symbols from small alphabets, each with a learned prior.

::

    scores = g_a(features) ─ argmax per element ─ ẑ ─ coder ─ g_s(one-hot ẑ)        p(ẑ) = Π_j π_j(ẑ_j)

At 3 to 10 bit/sample nothing is rounded: a sample is a word of ``width`` letters, or of so many at each place of a map.
Training has a surrogate of the choice (``letter_surrogates``). At test the encoder takes the letters of highest score.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from typing_extensions import override

from ratefront.bitstream.entropy_coder import SymbolDecoder, SymbolEncoder, Symbols
from ratefront.bitstream.frequency_table import FrequencyTable
from ratefront.bitstream.latent_string_coder import decode_columns, encode_columns
from ratefront.codecs.entropy_models.entropy_model import EntropyModel
from ratefront.codecs.entropy_models.letter_surrogates import (
    DEFAULT_LETTER_SURROGATE,
    LETTER_SURROGATES,
    LetterSurrogate,
)
from ratefront.codecs.entropy_models.quantization import gumbel_noise
from ratefront.codecs.entropy_models.quantized_tables import QuantizedTables

_SMOOTHING = 0.5
_LEAST_PROBABILITY = 1e-9  # of a letter in training, so that the gradient of an entropy is finite
_LOG2E = 1.4426950408889634


class _Prior(nn.Module):
    def __init__(self, width: int, alphabet: int) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.zeros(width, alphabet))


class CategoricalModel(EntropyModel):
    """For y = scores (width · alphabet,) or (width · alphabet, H, W): ``width`` letters, or so many at each place.

    Every letter of every place has a distribution of its own. Parameters are scores (n, elements, alphabet), place by
    place; relaxed latents are weights of the same shape.

    Attributes:
        shape: (width,), or (width, H, W).
        alphabet: The values of a letter.
        elements: The letters of a sample.
    """

    centred_until = 0.5  # while the weight of the rate rises
    spreads = True

    def __init__(
        self,
        shape: Sequence[int],
        alphabet: int,
        *,
        surrogate: LetterSurrogate = DEFAULT_LETTER_SURROGATE,
        with_prior: bool = True,
    ) -> None:
        super().__init__()
        self.shape, self.elements, self.alphabet = tuple(shape), prod(shape), alphabet
        self.training_surrogate = surrogate
        self.prior = _Prior(self.elements, alphabet) if with_prior else None
        self.tables = QuantizedTables(self.elements, alphabet)

    @override
    def surrogate(self, y: Tensor, progress: float) -> tuple[Tensor, Tensor]:
        words = LETTER_SURROGATES[self.training_surrogate](self.latent_parameters(y), progress)
        return self.synthesis_input(words), self.bits(words)

    @override
    def latent_parameters(self, y: Tensor) -> Tensor:
        width, *places = self.shape
        scores: Tensor = y.flatten(1).unflatten(1, (width, self.alphabet, prod(places)))
        return scores.permute(0, 3, 1, 2).flatten(1, 2)

    @override
    def information(self, y: Tensor) -> Tensor:
        """I(sample; letter) over the batch, if letters were drawn by the softmax of their scores; mean over letters.

        H(mean) − mean H, as Krause et al. 2010, "Discriminative clustering by regularized information maximization".
        """
        probabilities = self.latent_parameters(y).softmax(dim=-1).clamp_min(_LEAST_PROBABILITY)
        of_use, of_choice = _entropy(probabilities.mean(dim=0)), _entropy(probabilities)
        return of_use.mean() - of_choice.mean()

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
        width, *places = self.shape
        by_place = relaxed.reshape(len(relaxed), prod(places), width, self.alphabet)
        return by_place.permute(0, 2, 3, 1).reshape(len(relaxed), width * self.alphabet, *places)

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


def _entropy(probabilities: Tensor) -> Tensor:
    """H (...) in bit of distributions (..., alphabet)."""
    nats: Tensor = torch.special.entr(probabilities).sum(dim=-1)
    return nats * _LOG2E
