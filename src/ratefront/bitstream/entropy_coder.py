"""The entropy coder: integer symbols under frequency tables, to bytes and back.

It is a range coder (``constriction``) whose strings terminate themselves: what follows a string in a file does not
change what is decoded from it. So a string's length is only a place to jump to.
"""

from __future__ import annotations

import constriction
import numpy as np
from numpy.typing import NDArray

from ratefront.bitstream.frequency_table import FrequencyTable
from ratefront.errors import BitstreamError

_WORD_BYTES = 4
_RUN = 1 << 16  # symbols that are decoded at a time; after each run, the string's length is checked
# The coder's own rounding of a table makes a rare symbol cheaper by that much.
_SLACK, _SLACK_BITS = 1.001, 16
_MAX_SYMBOLS = 1 << 28
Symbols = NDArray[np.int32]


class SymbolEncoder:
    """Collects the symbols of one string, and keeps them to compare them with what is decoded."""

    def __init__(self) -> None:
        self._coder = constriction.stream.queue.RangeEncoder()
        self._coded: list[tuple[Symbols, FrequencyTable]] = []

    def encode(self, symbols: Symbols, table: FrequencyTable) -> None:
        """Append symbols (n,).

        Raises:
            ValueError: A symbol lies outside the table.
        """
        if symbols.size and (symbols.min() < table.offset or symbols.max() > table.last):
            raise ValueError(
                f"symbols lie in [{table.offset}, {table.last}], got {symbols.min()} to {symbols.max()}"
            )
        if symbols.size and len(table) > 1:
            self._coder.encode(np.ascontiguousarray(symbols - table.offset, dtype=np.int32), table.model)
            self._coded.append((symbols, table))

    def words(self) -> bytes:
        """Return the string in whole words of 32 bit, most significant byte first."""
        return b"" if not self._coded else bytes(self._coder.get_compressed().astype(">u4").tobytes())

    def is_decoded_from(self, data: bytes) -> bool:
        """Tell whether these bytes decode to the same symbols under the same tables."""
        decoder = SymbolDecoder(data)
        try:
            return all(
                np.array_equal(decoder.decode(len(symbols), table), symbols) for symbols, table in self._coded
            )
        except BitstreamError:
            return False


class SymbolDecoder:
    """Takes symbols from a string; the order of calls and tables must be the encoder's.

    The coder itself does not notice that a string has ended: it would read zeros as long as it is asked. Therefore the
    bits that the symbols cost are added up, and no more symbols are taken from a string than it can hold.
    """

    def __init__(self, data: bytes) -> None:
        read_ahead = 2 * _WORD_BYTES + -len(data) % _WORD_BYTES  # the coder looks two words ahead
        padded = data + b"\0" * read_ahead
        self._coder = constriction.stream.queue.RangeDecoder(
            np.frombuffer(padded, dtype=">u4").astype(np.uint32)
        )
        self._bits_left = 8 * len(data) * _SLACK + _SLACK_BITS

    def decode(self, count: int, table: FrequencyTable) -> Symbols:
        """Decode the next ``count`` symbols.

        Raises:
            BitstreamError: The string cannot have been made with this table, or is too short for so many
                symbols.
        """
        if not 0 <= count <= _MAX_SYMBOLS:
            raise BitstreamError(f"the coded string is damaged: it asks for {count} symbols")
        if count == 0 or len(table) == 1:
            return np.full(count, table.offset, dtype=np.int32)
        runs = [self._decode_run(min(_RUN, count - done), table) for done in range(0, count, _RUN)]
        return np.concatenate(runs) + np.int32(table.offset)

    def _decode_run(self, count: int, table: FrequencyTable) -> Symbols:
        try:
            symbols = np.asarray(self._coder.decode(table.model, count), dtype=np.int32)
        except BaseException as error:
            if isinstance(error, AssertionError | ValueError) or _is_panic(error):
                raise BitstreamError(f"the coded string is damaged: {error}") from error
            raise
        self._bits_left -= float(table.bits[symbols].sum())
        if self._bits_left < 0:
            raise BitstreamError("the coded string is damaged: it ends before its symbols do")
        return symbols


def _is_panic(error: BaseException) -> bool:
    """Tell whether a Rust library panicked: its error is no ``Exception``, and its type is not public."""
    return type(error).__name__ == "PanicException"
