"""How a rank in a shared order is coded: its octave by a fitted table, its place in the octave by equal probabilities.

Octave o holds the ranks with ⌊log2(rank + 1)⌋ = o.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ratefront.bitstream.entropy_coder import SymbolDecoder, SymbolEncoder
from ratefront.bitstream.frequency_table import FrequencyTable
from ratefront.bitstream.latent_string_coder import decode_with_indexes, encode_with_indexes
from ratefront.codecs.entropy_models.quantized_tables import QuantizedTables

_SMOOTHING = 0.5  # so that an octave without ranks of the training split can still be sent
IntArray = NDArray[np.int64]


class RankCode(nn.Module):
    """Codes ranks (from 0) of words of 1 … ``group`` samples of K classes; each length has its own table of octaves."""

    def __init__(self, classes: int, group: int) -> None:
        super().__init__()
        self.octave_sizes = [_octave_sizes(classes**length) for length in range(1, group + 1)]
        self.tables = QuantizedTables(group, len(self.octave_sizes[-1]))

    def fit(self, ranks: Sequence[IntArray]) -> None:
        """Fit the tables to ranks (G,) of groups of 1, 2, … ``group`` samples."""
        counts = [
            np.bincount(_octaves(length_ranks), minlength=len(sizes)) + _SMOOTHING
            for length_ranks, sizes in zip(ranks, self.octave_sizes, strict=True)
        ]
        self.tables.update([(0, torch.from_numpy(count)) for count in counts])

    def frequency_tables(self) -> list[FrequencyTable]:
        """The fitted tables, one for each length."""
        return self.tables.frequency_tables()

    def write(self, ranks: IntArray, lengths: IntArray, encoder: SymbolEncoder) -> None:
        """Encode ranks (G,) of groups with lengths (G,)."""
        octaves = _octaves(ranks)
        encode_with_indexes(octaves.astype(np.int32), lengths - 1, self.frequency_tables(), encoder)
        for length in np.unique(lengths):
            selected = lengths == length
            inside = (ranks - _first_ranks(octaves))[selected].astype(np.int32)
            encode_with_indexes(inside, octaves[selected], self._uniform_tables(length), encoder)

    def read(self, lengths: IntArray, decoder: SymbolDecoder) -> IntArray:
        """Decode the ranks (G,) of groups with lengths (G,)."""
        octaves = decode_with_indexes(lengths - 1, self.frequency_tables(), decoder).astype(np.int64)
        ranks = _first_ranks(octaves)
        for length in np.unique(lengths):
            selected = lengths == length
            ranks[selected] += decode_with_indexes(octaves[selected], self._uniform_tables(length), decoder)
        return ranks

    def bits(self, ranks: IntArray, lengths: IntArray) -> Tensor:
        """−log2 probability (G,), float64, computed without the coder's counts."""
        octaves = _octaves(ranks)
        fitted = -self.tables.pmf.cpu()[torch.from_numpy(lengths - 1), torch.from_numpy(octaves)].log2()
        sizes = [self.octave_sizes[n - 1][octave] for n, octave in zip(lengths, octaves, strict=True)]
        return fitted + torch.tensor(sizes, dtype=torch.float64).log2()

    def _uniform_tables(self, length: int) -> list[FrequencyTable]:
        return [_uniform_table(size) for size in self.octave_sizes[length - 1]]


def _octave_sizes(words: int) -> list[int]:
    """How many ranks each octave holds (rank + 1 = 1, 2–3, 4–7, …); the last octave ends with the last word."""
    last = words.bit_length() - 1
    return [1 << octave for octave in range(last)] + [words + 1 - (1 << last)]


def _octaves(ranks: IntArray) -> IntArray:
    """⌊log2(rank + 1)⌋, without rounding errors."""
    return np.frexp((ranks + 1).astype(np.float64))[1].astype(np.int64) - 1


def _first_ranks(octaves: IntArray) -> IntArray:
    """The first rank of each octave."""
    return (np.int64(1) << octaves) - 1


@cache
def _uniform_table(size: int) -> FrequencyTable:
    return FrequencyTable.from_pmf(np.ones(size))
