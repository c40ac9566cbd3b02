"""Fixed-length codes over blocks: n symbols of K as one number in ceil(n log2 K) bit (RA section IV, method 2)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ratefront.bounds.codes.prefix_code import BitArray, bits_as_text
from ratefront.bounds.source.distributions import IntArray, as_classes
from ratefront.errors import InputError


@dataclass(frozen=True)
class BlockCode:
    """Blocks of `block` symbols, each a number in base `classes`; the last block may be shorter.

    The first symbol of a block is the leading digit of its number, and the first bit is the leading bit.

    Attributes:
        classes: K, the number of symbols to choose from.
        block: n, the number of symbols in a block.

    Raises:
        InputError: fewer than one class or one symbol in a block.

    Example:
        >>> code = BlockCode(classes=10, block=3)
        >>> code.length_bits(3)  # three digits in ten bits
        10
        >>> code.decode(code.encode([3, 1, 4]), count=3).tolist()
        [3, 1, 4]
    """

    classes: int
    block: int

    def __post_init__(self) -> None:
        if self.classes < 1 or self.block < 1:
            raise InputError(f"needs classes >= 1 and a block >= 1, got {self.classes} and {self.block}")

    def length_bits(self, count: int) -> int:
        """Return the bits of any `count` symbols, exactly, in integers."""
        whole, rest = divmod(count, self.block)
        return whole * _width(self.classes, self.block) + _width(self.classes, rest)

    def encode(self, symbols: npt.ArrayLike) -> BitArray:
        """Return the bits of `symbols`, shape (N,) with N >= 1.

        Raises:
            InputError: not symbols in 0..classes-1.
        """
        digits = as_classes(symbols, self.classes, "symbols")
        parts = [
            _number_as_bits(digits[start:stop], self.classes) for start, stop in self._blocks(digits.size)
        ]
        return np.concatenate(parts)

    def decode(self, bits: npt.ArrayLike, count: int) -> IntArray:
        """Return the `count` symbols that `bits` hold, shape (count,).

        Raises:
            InputError: not bits, a count below 1, another number of bits than `count` symbols take, or bits that
                stand for no block.
        """
        text = bits_as_text(bits)
        if count < 1 or len(text) != self.length_bits(count):
            needed = (
                f"{count} symbols take {self.length_bits(count)} bits"
                if count >= 1
                else "the count is below 1"
            )
            raise InputError(f"{needed}, there are {len(text)}")
        symbols, at = np.empty(count, dtype=np.int64), 0
        for start, stop in self._blocks(count):
            width = _width(self.classes, stop - start)
            symbols[start:stop] = self._digits(text[at : at + width], stop - start, at)
            at += width
        return symbols

    def _blocks(self, count: int) -> Iterator[tuple[int, int]]:
        return ((start, min(start + self.block, count)) for start in range(0, count, self.block))

    def _digits(self, word: str, length: int, at: int) -> list[int]:
        number = int(word, 2) if word else 0
        digits = [0] * length
        for place in range(length - 1, -1, -1):
            number, digits[place] = divmod(number, self.classes)
        if number:
            raise InputError(f"the {len(word)} bits from bit {at} on stand for no block of {length} symbols")
        return digits


def _width(classes: int, length: int) -> int:
    """Return ceil(length log2 classes), without a logarithm."""
    return int((classes**length - 1).bit_length())


def _number_as_bits(digits: IntArray, classes: int) -> BitArray:
    number = 0
    for digit in digits.tolist():
        number = number * classes + digit
    width = _width(classes, digits.size)
    word = format(number, f"0{width}b") if width else ""
    return np.frombuffer(word.encode("ascii"), dtype=np.uint8) - np.uint8(ord("0"))
