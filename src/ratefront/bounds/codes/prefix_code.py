"""Prefix codes with real words: Huffman's (1952) and the fixed-length code, both in canonical form.

Bits are uint8 arrays of zeros and ones, shape (bits,), throughout.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from ratefront.bounds.source.distributions import FloatArray, IntArray, as_classes, prior_from_counts
from ratefront.errors import InputError

BitArray = npt.NDArray[np.uint8]

GREATEST_LENGTH = 4096
"""Longer than any word of a Huffman code for float64 weights: their range, 2^2098, allows about 3030 bit."""


@dataclass(frozen=True)
class PrefixCode:
    """The canonical code of given word lengths: shorter words first, among equals the smaller symbol.

    Attributes:
        lengths: in bit, one entry for each of K symbols; None for a symbol that cannot be sent.
        words: each symbol's word in zeros and ones, for instance "1001"; None where `lengths` is None. If only one
            symbol can be sent, it needs no bit: its word is "".

    Raises:
        InputError: no symbol has a word, a length is not an integer in 0..4096, or the lengths break Kraft's
            inequality sum 2^-length <= 1, so that no prefix code has them.

    Example:
        >>> PrefixCode((1, 2, 2)).words
        ('0', '10', '11')
    """

    lengths: tuple[int | None, ...]
    words: tuple[str | None, ...] = field(init=False, repr=False, compare=False)
    _bits: IntArray = field(init=False, repr=False, compare=False)
    _symbols: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        words = _canonical_words(self.lengths)
        bits = np.array([-1 if length is None else length for length in self.lengths], dtype=np.int64)
        object.__setattr__(self, "words", words)
        object.__setattr__(self, "_bits", bits)
        object.__setattr__(self, "_symbols", {word: s for s, word in enumerate(words) if word is not None})

    def length_bits(self, symbols: npt.ArrayLike) -> int:
        """Return the bits that `symbols`, shape (N,) with N >= 1, take together; it raises as `encode`."""
        return int(self._bits[self._sendable(symbols)].sum())

    def encode(self, symbols: npt.ArrayLike) -> BitArray:
        """Return the words of `symbols`, shape (N,) with N >= 1, one after the other.

        Raises:
            InputError: not symbols of this code, or a symbol that has no word.
        """
        text = "".join(self.words[symbol] or "" for symbol in self._sendable(symbols).tolist())
        return np.frombuffer(text.encode("ascii"), dtype=np.uint8) - np.uint8(ord("0"))

    def decode(self, bits: npt.ArrayLike, count: int) -> IntArray:
        """Return the `count` symbols that `bits` hold, shape (count,); all bits must be used.

        Raises:
            InputError: not bits, a count below 1, bits that end within a word, bits that no word matches, or bits
                that are left over.
        """
        text = bits_as_text(bits)
        if count < 1:
            raise InputError(f"the count of symbols to decode must be >= 1, it is {count}")
        lengths = sorted({len(word) for word in self._symbols})
        symbols, at = np.empty(count, dtype=np.int64), 0
        for index in range(count):
            symbol = _first_match(self._symbols, lengths, text, at)
            if symbol is None:
                raise InputError(
                    f"symbol {index + 1} of {count}: no word matches at bit {at} of {len(text)}; "
                    "the bits are cut short or not of this code"
                )
            symbols[index] = symbol
            at += int(self._bits[symbol])
        if at != len(text):
            raise InputError(f"{len(text) - at} of {len(text)} bits are left over after {count} symbols")
        return symbols

    def _sendable(self, symbols: npt.ArrayLike) -> IntArray:
        checked = as_classes(symbols, len(self.lengths), "symbols")
        without = np.flatnonzero(self._bits[checked] < 0)
        if without.size:
            raise InputError(
                f"symbols[{without[0]}] is {checked[without[0]]}, which has no word in this code"
            )
        return checked


def huffman_code(weights: npt.ArrayLike) -> PrefixCode:
    """Return the code of least mean length for counts or probabilities of shape (K,).

    A symbol of weight zero cannot be sent. Among equally good codes it is the one whose longest word is shortest
    (Schwartz 1964), and of equal weights the smaller symbols have the longer words. So the code is the same on
    every machine.

    Raises:
        InputError: weights that are empty, negative, not finite, or all zero.

    Example:
        >>> huffman_code([50, 30, 20]).words
        ('0', '10', '11')
    """
    prior_from_counts(weights)  # refuses what cannot be weights
    weight = np.asarray(weights, dtype=np.float64)
    sendable = np.flatnonzero(weight > 0)
    ascending = sendable[np.argsort(weight[sendable], kind="stable")]
    lengths: list[int | None] = [None] * weight.size
    for symbol, length in zip(ascending.tolist(), huffman_lengths(weight[ascending]), strict=True):
        lengths[symbol] = length
    return PrefixCode(tuple(lengths))


def fixed_length_code(symbols: int) -> PrefixCode:
    """Return the code of `symbols` symbols in ceil(log2 symbols) bit each (RA section IV, method 1).

    Raises:
        InputError: fewer than one symbol.

    Example:
        >>> fixed_length_code(3).words
        ('00', '01', '10')
    """
    if symbols < 1:
        raise InputError(f"a code needs at least one symbol, got {symbols}")
    return PrefixCode(((symbols - 1).bit_length(),) * symbols)


def huffman_lengths(ascending: FloatArray | IntArray) -> list[int]:
    """Return the word lengths in bit of Huffman's code for positive, sorted weights of shape (n,).

    Merged nodes appear in ascending order too, so two queues replace a heap. A leaf goes before a merged node of
    the same weight, which keeps the longest word short.
    """
    leaves = [*ascending.tolist(), np.inf]
    count = len(leaves) - 1
    merged = [np.inf] * count
    parent = [0] * (2 * count - 1)
    leaf = node = 0
    for made in range(count - 1):
        weight: float = 0
        for _ in range(2):
            if leaves[leaf] <= merged[node]:
                weight += leaves[leaf]
                parent[leaf] = count + made
                leaf += 1
            else:
                weight += merged[node]
                parent[count + node] = count + made
                node += 1
        merged[made] = weight
    return _depths(parent)[:count]


def bits_as_text(bits: npt.ArrayLike) -> str:
    """Return zeros and ones of shape (bits,) as a string.

    Raises:
        InputError: another shape, or values other than the integers 0 and 1.
    """
    array = np.asarray(bits)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iub"):
        raise InputError(
            f"bits must be integers of shape (bits,), they are {array.dtype} of shape {array.shape}"
        )
    wrong = np.flatnonzero((array != 0) & (array != 1))
    if wrong.size:
        raise InputError(f"bits must be 0 or 1, bits[{wrong[0]}] is {array[wrong[0]]}")
    return (array.astype(np.uint8) + np.uint8(ord("0"))).tobytes().decode("ascii")


def _depths(parent: list[int]) -> list[int]:
    """Return the depth of each node of a tree. Parents come after their children; the last node is the root."""
    depth = [0] * len(parent)
    for node in range(len(parent) - 2, -1, -1):
        depth[node] = depth[parent[node]] + 1
    return depth


def _canonical_words(lengths: Sequence[int | None]) -> tuple[str | None, ...]:
    for symbol, length in enumerate(lengths):
        _check_length(symbol, length)
    order = sorted((length, symbol) for symbol, length in enumerate(lengths) if length is not None)
    if not order:
        raise InputError("a prefix code needs at least one symbol that has a word")
    words: list[str | None] = [None] * len(lengths)
    value, before = 0, 0
    for length, symbol in order:
        value <<= length - before
        words[symbol] = format(value, f"0{length}b") if length else ""
        value, before = value + 1, length
    if value > 1 << before:
        raise InputError(
            f"the word lengths break Kraft's inequality: their sum of 2^-length is {value}/2^{before}"
        )
    return tuple(words)


def _check_length(symbol: int, length: Any) -> None:
    if length is None or (type(length) is int and 0 <= length <= GREATEST_LENGTH):
        return
    raise InputError(
        f"the word length of symbol {symbol} must be None or an integer in 0..{GREATEST_LENGTH}, it is {length!r}"
    )


def _first_match(words: dict[str, int], lengths: list[int], text: str, at: int) -> int | None:
    for length in lengths:
        symbol = words.get(text[at : at + length])
        if symbol is not None:
            return symbol
    return None
