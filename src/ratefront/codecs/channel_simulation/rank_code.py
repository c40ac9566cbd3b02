"""How a rank in a shared order is coded: the octave of rank + 1 under a fitted table, what is left of it as it is."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ratefront.bitstream.entropy_coder import FrequencyTable, SymbolDecoder, SymbolEncoder
from ratefront.bitstream.string_coder import decode_with_indexes, encode_with_indexes
from ratefront.codecs.entropy_models.quantized_tables import QuantizedTables

_SMOOTHING = 0.5  # an octave that no rank of the training split fell into can still be sent
IntArray = NDArray[np.int64]


class RankCode(nn.Module):
    """Ranks from 0 of words in groups of 1 … n samples of K classes; groups of each length have their own table."""

    def __init__(self, classes: int, group: int) -> None:
        super().__init__()
        self.octave_sizes = [_octave_sizes(classes**length) for length in range(1, group + 1)]
        self.tables = QuantizedTables(group, len(self.octave_sizes[-1]))

    def fit(self, ranks: Sequence[IntArray]) -> None:
        """Set the tables by ranks (G,) of groups of 1, 2, … n samples."""
        counts = [
            np.bincount(_octaves(of_length), minlength=len(sizes)) + _SMOOTHING
            for of_length, sizes in zip(ranks, self.octave_sizes, strict=True)
        ]
        self.tables.update([(0, torch.from_numpy(count)) for count in counts])

    def frequency_tables(self) -> list[FrequencyTable]:
        """The tables that were fitted, one a length."""
        return self.tables.frequency_tables()

    def write(self, ranks: IntArray, lengths: IntArray, encoder: SymbolEncoder) -> None:
        """Code ranks (G,) of groups of lengths (G,)."""
        octaves = _octaves(ranks)
        encode_with_indexes(octaves.astype(np.int32), lengths - 1, self.frequency_tables(), encoder)
        for length in np.unique(lengths):
            of_length = lengths == length
            inside = (ranks - _starts(octaves))[of_length].astype(np.int32)
            encode_with_indexes(inside, octaves[of_length], self._plain_tables(length), encoder)

    def read(self, lengths: IntArray, decoder: SymbolDecoder) -> IntArray:
        """The way back: ranks (G,)."""
        octaves = decode_with_indexes(lengths - 1, self.frequency_tables(), decoder).astype(np.int64)
        ranks = _starts(octaves)
        for length in np.unique(lengths):
            of_length = lengths == length
            ranks[of_length] += decode_with_indexes(octaves[of_length], self._plain_tables(length), decoder)
        return ranks

    def bits(self, ranks: IntArray, lengths: IntArray) -> Tensor:
        """−log2 probability (G,), float64, computed without the coder's tables."""
        octaves = _octaves(ranks)
        fitted = -self.tables.pmf.cpu()[torch.from_numpy(lengths - 1), torch.from_numpy(octaves)].log2()
        sizes = [self.octave_sizes[n - 1][octave] for n, octave in zip(lengths, octaves, strict=True)]
        return fitted + torch.tensor(sizes, dtype=torch.float64).log2()

    def _plain_tables(self, length: int) -> list[FrequencyTable]:
        return [_plain_table(size) for size in self.octave_sizes[length - 1]]


def _octave_sizes(words: int) -> list[int]:
    """Ranks in each octave of rank + 1 = 1, 2–3, 4–7, …; the last one ends with the words."""
    last = words.bit_length() - 1
    return [1 << octave for octave in range(last)] + [words + 1 - (1 << last)]


def _octaves(ranks: IntArray) -> IntArray:
    """⌊log2(rank + 1)⌋, exactly."""
    return np.frexp((ranks + 1).astype(np.float64))[1].astype(np.int64) - 1


def _starts(octaves: IntArray) -> IntArray:
    """The first rank of each octave."""
    return (np.int64(1) << octaves) - 1


@cache
def _plain_table(size: int) -> FrequencyTable:
    return FrequencyTable.from_pmf(np.ones(size))
