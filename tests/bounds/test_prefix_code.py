"""Prefix codes: optimal, decodable, with errors for what they cannot send or read."""

from __future__ import annotations

import heapq
import math
import time
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ratefront.bounds.codes.block_code import BlockCode
from ratefront.bounds.codes.prefix_code import PrefixCode, fixed_length_code, huffman_code
from ratefront.bounds.source.distributions import entropy_bits
from ratefront.errors import InputError

pytestmark = pytest.mark.medium

TABLE_I = ("00", "01", "1000", "1001", "1010", "1011", "1100", "1101", "1110", "1111")

counts = st.lists(st.integers(0, 50), min_size=1, max_size=40).filter(any)


def least_total_bits(weights: list[int]) -> int:
    """Huffman's algorithm as in the textbook, with a heap: the sum of all merged weights."""
    heap = [weight for weight in weights if weight > 0]
    heapq.heapify(heap)
    total = 0
    while len(heap) > 1:
        merged = heapq.heappop(heap) + heapq.heappop(heap)
        total += merged
        heapq.heappush(heap, merged)
    return total


def kraft_sum(code: PrefixCode) -> Fraction:
    return sum((Fraction(1, 1 << length) for length in code.lengths if length is not None), Fraction(0))


def is_prefix_free(code: PrefixCode) -> bool:
    words = sorted(word for word in code.words if word is not None)
    return all(not later.startswith(earlier) for earlier, later in pairwise(words))


@settings(deadline=None, max_examples=150)
@given(counts)
def test_huffmans_code_is_optimal_complete_and_prefix_free(weights: list[int]) -> None:
    code = huffman_code(weights)
    sequence = np.repeat(np.arange(len(weights)), weights)
    assert code.length_bits(sequence) == least_total_bits(weights)
    assert kraft_sum(code) == 1
    assert is_prefix_free(code)
    assert [word is None for word in code.words] == [weight == 0 for weight in weights]
    assert [None if word is None else len(word) for word in code.words] == list(code.lengths)


@settings(deadline=None, max_examples=100)
@given(st.lists(st.floats(1e-12, 1.0), min_size=2, max_size=30))
def test_mean_length_lies_within_a_bit_above_the_entropy(weights: list[float]) -> None:
    probabilities = np.array(weights) / math.fsum(weights)
    mean = float(probabilities @ np.array(huffman_code(weights).lengths, dtype=float))
    entropy = entropy_bits(probabilities)
    assert entropy - 1e-9 <= mean < entropy + 1 + 1e-9


@settings(deadline=None, max_examples=150)
@given(counts, st.data())
def test_decoding_returns_the_symbols(weights: list[int], data: st.DataObject) -> None:
    code = huffman_code(weights)
    possible = st.sampled_from(np.flatnonzero(weights).tolist())
    symbols = data.draw(st.lists(possible, min_size=1, max_size=30))
    bits = code.encode(symbols)
    assert bits.dtype == np.uint8
    assert bits.size == code.length_bits(symbols)
    assert code.decode(bits, len(symbols)).tolist() == symbols


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 300), st.data())
def test_fixed_length_code_is_the_block_code_of_one(classes: int, data: st.DataObject) -> None:
    symbols = data.draw(st.lists(st.integers(0, classes - 1), min_size=1, max_size=10))
    code = fixed_length_code(classes)
    assert set(code.lengths) == {math.ceil(math.log2(classes))}
    assert code.encode(symbols).tolist() == BlockCode(classes, 1).encode(symbols).tolist()
    assert code.decode(code.encode(symbols), len(symbols)).tolist() == symbols


def test_ten_digits_need_3_4_bit_and_ra_table_i_takes_3_6() -> None:
    ours = huffman_code([1] * 10)
    published = PrefixCode((2, 2, *[4] * 8))
    assert published.words == TABLE_I
    assert kraft_sum(published) == 1
    assert published.length_bits(np.arange(10)) == 36
    assert ours.length_bits(np.arange(10)) == 34


def test_equal_weights_give_the_same_code() -> None:
    assert huffman_code([1, 1, 1, 1, 1]).words == ("110", "111", "00", "01", "10")
    assert huffman_code([1, 1, 2, 2]).lengths == (2, 2, 2, 2), "the longest word is as short as can be"
    assert huffman_code([5, 0, 3]) == huffman_code([0.5, 0.0, 0.3]) == PrefixCode((1, None, 1))


def test_coded_bits_do_not_change() -> None:
    code = huffman_code([8, 4, 2, 1, 1])
    assert code.words == ("0", "10", "110", "1110", "1111")
    assert "".join(map(str, code.encode([0, 3, 1, 4, 2]))) == "01110101111110"


def test_the_only_possible_symbol_needs_no_bit() -> None:
    code = huffman_code([0, 7, 0])
    assert code.words == (None, "", None)
    assert code.encode([1, 1, 1]).size == code.length_bits([1, 1, 1]) == 0
    assert code.decode(np.array([], dtype=np.uint8), 3).tolist() == [1, 1, 1]
    assert fixed_length_code(1).words == ("",)


def test_the_longest_huffman_code_of_floats_has_words() -> None:
    weights = [5e-324, 5e-324]
    while weights[-1] < 1e307:
        weights.append(weights[-1] + weights[-2])
    strictly_larger = [weights[0], *np.nextafter(weights[1:], np.inf)]
    code = huffman_code(strictly_larger)
    assert kraft_sum(code) == 1
    assert max(length for length in code.lengths if length is not None) > 1000
    symbols = np.arange(len(weights))
    assert code.decode(code.encode(symbols), symbols.size).tolist() == symbols.tolist()


def test_a_hundred_thousand_symbols_take_seconds_at_most() -> None:
    rng = np.random.default_rng(0)
    weights = rng.pareto(1.0, 100_000)
    started = time.perf_counter()
    code = huffman_code(weights)
    symbols = rng.integers(0, weights.size, 100_000)
    assert np.array_equal(code.decode(code.encode(symbols), symbols.size), symbols)
    assert time.perf_counter() - started < 5


@pytest.mark.parametrize(
    ("lengths", "message"),
    [
        ((1, 1, 1), "Kraft"),
        ((0, 0), "Kraft"),
        ((0, 3), "Kraft"),
        ((1, -1), "symbol 1 .* -1"),
        ((1, 5000), "symbol 1 .* 5000"),
        ((True, 1), "symbol 0 .* True"),
        ((1.0, 1), "symbol 0"),
        ((None, None), "at least one symbol"),
        ((), "at least one symbol"),
    ],
)
def test_lengths_that_break_krafts_inequality_are_refused(lengths: tuple[int, ...], message: str) -> None:
    with pytest.raises(InputError, match=message):
        PrefixCode(lengths)


@pytest.mark.parametrize("weights", [[], [0, 0], [1, -1], [1, np.nan], [1, np.inf], [[1, 2]]])
def test_bad_weights_are_refused(weights: list[float]) -> None:
    with pytest.raises(InputError):
        huffman_code(weights)


@pytest.mark.parametrize(
    ("symbols", "message"),
    [
        ([0, 3], r"symbols\[1\] is 3"),
        ([-1], r"symbols\[0\] is -1"),
        ([0, 2, 1], r"symbols\[2\] is 1, which has no word"),
        ([0.5], "integer"),
        (np.array([], dtype=int), "N >= 1"),
    ],
)
def test_symbols_without_a_word_are_refused(symbols: list[int], message: str) -> None:
    code = huffman_code([2, 0, 1])
    with pytest.raises(InputError, match=message):
        code.encode(symbols)
    with pytest.raises(InputError, match=message):
        code.length_bits(symbols)


@pytest.mark.parametrize(
    ("bits", "count", "message"),
    [
        ([0, 1], 2, "symbol 2 of 2: .* bit 1 of 2"),
        ([0, 1, 0, 1], 2, "1 of 4 bits are left over"),
        ([1, 1, 1, 0], 2, "symbol 1 of 2"),
        ([0, 2], 1, r"bits\[1\] is 2"),
        ([0, -1], 1, r"bits\[1\] is -1"),
        ([0.0], 1, "integers"),
        ([[0]], 1, r"shape \(1, 1\)"),
        ([0], 0, ">= 1"),
        ([], 1, "symbol 1 of 1"),
    ],
)
def test_bits_that_are_not_a_coded_sequence_are_refused(bits: list[int], count: int, message: str) -> None:
    with pytest.raises(InputError, match=message):
        PrefixCode((1, 2, 3)).decode(bits, count)


def test_a_fixed_length_code_without_symbols_is_refused() -> None:
    with pytest.raises(InputError, match="at least one"):
        fixed_length_code(0)
