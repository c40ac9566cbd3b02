"""Latents to one self-terminating string of entropy-coded symbols, as short as possible, and back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from ratefront.bitstream.entropy_coder import SymbolDecoder, SymbolEncoder, Symbols
from ratefront.bitstream.frequency_table import FrequencyTable
from ratefront.errors import BitstreamError

_WORD_BYTES = 4


class StringCoder(ABC):
    """A ``LatentCoder`` whose subclasses say which symbols stand for latents, under which tables."""

    @abstractmethod
    def write(self, latents: Symbols, first: int, encoder: SymbolEncoder) -> None:
        """Pass the symbols of latents (n, elements) to the encoder, each under its table."""

    @abstractmethod
    def read(self, samples: int, first: int, decoder: SymbolDecoder) -> Symbols:
        """Take symbols from the decoder in the order of ``write``; return latents (samples, elements)."""

    def encode(self, latents: Symbols, first: int = 0) -> bytes:
        """Code latents (n, elements) as one string, which is decoded again before it is returned.

        Raises:
            BitstreamError: The string does not decode to the same latents.
        """
        encoder = SymbolEncoder()
        self.write(latents, first, encoder)
        words = encoder.words()
        if not np.array_equal(self.decode(words, len(latents), first), latents):
            raise BitstreamError("the codec does not decode what it encoded")
        return shortest_string(words, encoder.is_decoded_from)

    def decode(self, data: bytes, samples: int, first: int = 0) -> Symbols:
        """Decode the latents (samples, elements) of a string.

        Raises:
            BitstreamError: The string cannot have been made by this coder.
        """
        return self.read(samples, first, SymbolDecoder(data))


def _candidates(words: bytes, length: int) -> list[bytes]:
    """Return the first ``length`` bytes of the words, and the next larger string of that length where there is one."""
    prefix = words[:length]
    above = int.from_bytes(prefix, "big") + 1
    return [prefix] if above >= 1 << (8 * length) else [prefix, above.to_bytes(length, "big")]


def shortest_string(words: bytes, decodes: Callable[[bytes], bool]) -> bytes:
    """Find the shortest string, in whole bytes, that decodes to the same symbols whatever follows it.

    The coder ends on words of 32 bit. A string stands for an interval. A shorter string is enough when the interval
    holds both of its extreme continuations (all zeros, all ones), hence all between them.
    """
    for length in range(max(0, len(words) - 2 * _WORD_BYTES), len(words)):
        for string in _candidates(words, length):
            if all(decodes(string + rest * (3 * _WORD_BYTES)) for rest in (b"\0", b"\xff")):
                return string
    return words


def encode_columns(latents: Symbols, tables: Sequence[FrequencyTable], encoder: SymbolEncoder) -> None:
    """Code latents (n, L): column j under table j, one column after the other."""
    for column, table in zip(latents.T, tables, strict=True):
        encoder.encode(column, table)


def decode_columns(samples: int, tables: Sequence[FrequencyTable], decoder: SymbolDecoder) -> Symbols:
    """Decode latents (samples, L) that ``encode_columns`` has coded."""
    if not tables:
        return np.zeros((samples, 0), dtype=np.int32)
    return np.stack([decoder.decode(samples, table) for table in tables], axis=1)


def encode_with_indexes(
    symbols: Symbols, indexes: NDArray[np.int64], tables: Sequence[FrequencyTable], encoder: SymbolEncoder
) -> None:
    """Code symbols (n,), each under the table of its index (n,): table by table, so that the coder works in runs."""
    for number in np.unique(indexes):
        encoder.encode(symbols[indexes == number], tables[number])


def decode_with_indexes(
    indexes: NDArray[np.int64], tables: Sequence[FrequencyTable], decoder: SymbolDecoder
) -> Symbols:
    """Decode symbols (n,) that ``encode_with_indexes`` has coded, from the same indexes."""
    symbols = np.empty(len(indexes), dtype=np.int32)
    for number in np.unique(indexes):
        rows = indexes == number
        symbols[rows] = decoder.decode(int(rows.sum()), tables[number])
    return symbols
