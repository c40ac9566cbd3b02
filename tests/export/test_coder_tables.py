"""The exported tables are those by which the coder really codes: another decoder reads its strings with them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratefront.bitstream.entropy_coder import SymbolEncoder
from ratefront.bitstream.frequency_table import FrequencyTable
from ratefront.bitstream.latent_string_coder import shortest_string
from ratefront.errors import BitstreamError
from ratefront.export import coder_tables
from ratefront.export.coder_tables import cumulative_probabilities, scheduled


def _decode(string: bytes, tables: Sequence[Sequence[int]]) -> list[int]:
    """A range decoder in whole numbers: one symbol under each table."""
    words = iter([string[i : i + 4].ljust(4, b"\0") for i in range(0, len(string), 4)])

    def word() -> int:
        return int.from_bytes(next(words, bytes(4)), "big")

    low, width, point, symbols = 0, 2**64 - 1, word() << 32 | word(), []
    for cumulative in tables:
        step = width // 2**24
        symbols.append(bisect_right(cumulative, (point - low) % 2**64 // step) - 1)
        low = (low + step * cumulative[symbols[-1]]) % 2**64
        width = step * (cumulative[symbols[-1] + 1] - cumulative[symbols[-1]])
        if width < 2**32:
            low, width, point = (low << 32) % 2**64, width << 32, (point << 32 | word()) % 2**64
    return symbols


weights = st.lists(st.floats(1e-9, 1.0), min_size=2, max_size=200)


@given(st.lists(weights, min_size=1, max_size=3), st.integers(0, 2**32 - 1), st.integers(1, 60))
def test_another_decoder_reads_the_coders_strings(
    distributions: list[list[float]], seed: int, count: int
) -> None:
    rng, encoder = np.random.default_rng(seed), SymbolEncoder()
    tables = [FrequencyTable.from_pmf(np.array(pmf)) for pmf in distributions]
    symbols = [rng.integers(0, len(table), count).astype(np.int32) for table in tables]
    for column, table in zip(symbols, tables, strict=True):
        encoder.encode(column, table)
    string = shortest_string(encoder.words(), encoder.is_decoded_from)
    exported = [cumulative_probabilities(table).tolist() for table in tables for _ in range(count)]
    assert _decode(string, exported) == np.concatenate(symbols).tolist()


@given(st.lists(weights, min_size=1, max_size=1))
def test_cumulative_probabilities_rise_from_0_to_1(distributions: list[list[float]]) -> None:
    cumulative = cumulative_probabilities(FrequencyTable.from_pmf(np.array(distributions[0])))
    assert (cumulative[0], cumulative[-1]) == (0, 2**24)
    assert (np.diff(cumulative) > 0).all()


def test_a_coder_with_another_rule_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    table = FrequencyTable.from_pmf(np.array([0.3, 0.5, 0.2]))
    decoded = coder_tables._symbol_at
    monkeypatch.setattr(coder_tables, "_symbol_at", lambda table, quantile: decoded(table, quantile + 1))
    with pytest.raises(BitstreamError, match="this version of constriction"):
        cumulative_probabilities(table)


def test_a_table_of_one_symbol_is_the_whole_interval() -> None:
    assert cumulative_probabilities(FrequencyTable(np.array([1 << 16]))).tolist() == [0, 2**24]


@given(st.floats(0.01, 0.99), st.integers(0, 10**6), st.integers(0, 40))
def test_samples_are_sent_at_any_position_as_the_schedule_says(share: float, first: int, count: int) -> None:
    latents = np.full((count, 1), 7, dtype=np.int32)
    found = scheduled(latents, {"share": share, "otherwise": 3}, first)
    sent = [np.floor((i + 1) * share) > np.floor(i * share) for i in range(first, first + count)]
    assert found[:, 0].tolist() == [7 if is_sent else 3 for is_sent in sent]
