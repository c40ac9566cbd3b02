"""Small coders, and latents that they can code."""

from __future__ import annotations

import numpy as np

from ratefront.bitstream.entropy_coder import SymbolDecoder, SymbolEncoder, Symbols
from ratefront.bitstream.frequency_table import FrequencyTable
from ratefront.bitstream.latent_coder import FILLER
from ratefront.bitstream.latent_string_coder import StringCoder, decode_columns, encode_columns

IDENTITY = bytes(range(32))


class TwoColumns(StringCoder):
    """A coder of two elements with skewed tables."""

    elements = 2
    uses_position = False
    tables = (
        FrequencyTable.from_pmf(np.array([0.7, 0.2, 0.05, 0.05]), offset=-1),
        FrequencyTable.from_pmf(np.array([0.05, 0.95])),
    )

    def write(self, latents: Symbols, first: int, encoder: SymbolEncoder) -> None:
        encode_columns(latents, self.tables, encoder)

    def read(self, samples: int, first: int, decoder: SymbolDecoder) -> Symbols:
        return decode_columns(samples, self.tables, decoder)


class UniformTables(TwoColumns):
    """Codes every symbol under a table that expects something else."""

    tables = (FrequencyTable.from_pmf(np.ones(4), offset=-1), FrequencyTable.from_pmf(np.ones(2)))


def latents_of_two_columns(samples: int, seed: int = 0) -> Symbols:
    rng = np.random.default_rng(seed)
    columns = [rng.choice(4, samples, p=[0.7, 0.2, 0.05, 0.05]) - 1, rng.choice(2, samples, p=[0.05, 0.95])]
    return np.stack(columns, axis=1).astype(np.int32)


class Ragged(StringCoder):
    """Samples of 0 to 7 symbols: their lengths, then all symbols."""

    elements = None
    uses_position = False
    lengths = FrequencyTable.from_pmf(np.arange(8, 0, -1))
    symbols = FrequencyTable.from_pmf(np.array([0.5, 0.3, 0.2]))

    def write(self, latents: Symbols, first: int, encoder: SymbolEncoder) -> None:
        encoder.encode((latents != FILLER).sum(axis=1).astype(np.int32), self.lengths)
        encoder.encode(latents[latents != FILLER], self.symbols)

    def read(self, samples: int, first: int, decoder: SymbolDecoder) -> Symbols:
        lengths = decoder.decode(samples, self.lengths)
        latents = np.full((samples, int(lengths.max(initial=0))), FILLER, dtype=np.int32)
        latents[np.arange(latents.shape[1]) < lengths[:, None]] = decoder.decode(
            int(lengths.sum()), self.symbols
        )
        return latents


class Silent(Ragged):
    """Sends nothing: every sample is empty."""

    lengths = FrequencyTable.from_pmf(np.ones(1))


def ragged_latents(samples: int, seed: int = 0) -> Symbols:
    rng = np.random.default_rng(seed)
    lengths = rng.integers(0, 8, samples)
    drawn = rng.choice(3, (samples, int(lengths.max(initial=0))), p=[0.5, 0.3, 0.2])
    return np.where(np.arange(drawn.shape[1]) < lengths[:, None], drawn, FILLER).astype(np.int32)
