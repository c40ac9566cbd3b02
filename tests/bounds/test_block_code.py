"""Blocks of symbols as one number: exact lengths, exact round trips."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ratefront.bounds.codes.block_code import BlockCode
from ratefront.errors import InputError


@settings(deadline=None, max_examples=150)
@given(st.integers(1, 1000), st.integers(1, 12), st.data())
def test_decoding_returns_the_symbols_in_the_announced_bits(
    classes: int, block: int, data: st.DataObject
) -> None:
    symbols = data.draw(st.lists(st.integers(0, classes - 1), min_size=1, max_size=30))
    code = BlockCode(classes, block)
    bits = code.encode(symbols)
    assert bits.dtype == np.uint8
    assert bits.size == code.length_bits(len(symbols))
    assert code.decode(bits, len(symbols)).tolist() == symbols


@settings(deadline=None, max_examples=100)
@given(st.integers(1, 10**6), st.integers(1, 60))
def test_a_block_takes_the_fewest_bits_that_tell_all_blocks_apart(classes: int, block: int) -> None:
    bits = BlockCode(classes, block).length_bits(block)
    assert 2**bits >= classes**block > 2 ** (bits - 1) or (bits, classes) == (0, 1)


def test_three_digits_in_ten_bits_as_in_ra_method_2() -> None:
    code = BlockCode(10, 3)
    assert code.length_bits(3) == 10
    assert code.length_bits(5) == 10 + 7, "the last two are a block of their own"
    assert "".join(map(str, code.encode([9, 9, 9]))) == format(999, "010b")
    assert "".join(map(str, code.encode([1, 2, 3, 4, 5]))) == format(123, "010b") + format(45, "07b")


def test_block_lengths_are_exact_beyond_float_precision() -> None:
    assert BlockCode(2**31 + 1, 64).length_bits(64) == 31 * 64 + 1
    assert BlockCode(2, 5000).length_bits(5000) == 5000


def test_one_class_needs_no_bit() -> None:
    code = BlockCode(1, 4)
    assert code.encode([0] * 6).size == 0
    assert code.decode(np.array([], dtype=np.uint8), 6).tolist() == [0] * 6


@pytest.mark.parametrize(
    ("bits", "count", "message"),
    [
        ([1] * 10, 3, "10 bits from bit 0 on stand for no block"),
        ([0] * 9, 3, "3 symbols take 10 bits, there are 9"),
        ([0] * 11, 3, "3 symbols take 10 bits, there are 11"),
        ([], 0, "below 1"),
        ([3] * 10, 3, r"bits\[0\] is 3"),
    ],
)
def test_bits_that_stand_for_no_block_are_refused(bits: list[int], count: int, message: str) -> None:
    with pytest.raises(InputError, match=message):
        BlockCode(10, 3).decode(bits, count)


@pytest.mark.parametrize(("classes", "block"), [(0, 1), (10, 0)])
def test_codes_without_classes_or_symbols_are_refused(classes: int, block: int) -> None:
    with pytest.raises(InputError, match=">= 1"):
        BlockCode(classes, block)


def test_symbols_out_of_range_are_refused() -> None:
    with pytest.raises(InputError, match=r"symbols\[1\] is 10"):
        BlockCode(10, 3).encode([0, 10])
