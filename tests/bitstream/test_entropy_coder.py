"""The entropy coder: symbols round trip, in hardly more bits than their content."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ratefront.bitstream.entropy_coder import SymbolDecoder, SymbolEncoder
from ratefront.bitstream.frequency_table import FrequencyTable
from ratefront.bitstream.latent_string_coder import decode_columns, encode_columns, shortest_string
from ratefront.errors import BitstreamError

seeds = st.integers(0, 2**32 - 1)


def _draw(seed: int, samples: int, columns: int, alphabet: int) -> tuple[np.ndarray, list[FrequencyTable]]:
    rng = np.random.default_rng(seed)
    tables, latents = [], []
    for column in range(columns):
        pmf = rng.dirichlet(np.full(alphabet, 0.3)) + 1e-12
        tables.append(FrequencyTable.from_pmf(pmf, offset=column - 3))
        latents.append(rng.choice(alphabet, samples, p=tables[-1].counts / 2**16) + column - 3)
    return np.stack(latents, axis=1).astype(np.int32), tables


def _encode(latents: np.ndarray, tables: list[FrequencyTable]) -> bytes:
    encoder = SymbolEncoder()
    encode_columns(latents, tables, encoder)
    words = encoder.words()

    def decodes(data: bytes) -> bool:
        try:
            return np.array_equal(decode_columns(len(latents), tables, SymbolDecoder(data)), latents)
        except BitstreamError:
            return False

    return shortest_string(words, decodes)


@settings(max_examples=60, deadline=None)
@given(seeds, st.integers(0, 40), st.integers(1, 4), st.integers(1, 30), st.binary(max_size=12))
def test_a_string_terminates_itself(
    seed: int, samples: int, columns: int, alphabet: int, following: bytes
) -> None:
    """Whatever follows it in a file, the same symbols are decoded: its length tells the decoder nothing."""
    latents, tables = _draw(seed, samples, columns, alphabet)
    data = _encode(latents, tables)
    decoded = decode_columns(samples, tables, SymbolDecoder(data + following))
    assert np.array_equal(decoded, latents)


@settings(max_examples=40, deadline=None)
@given(seeds, st.integers(0, 400), st.integers(1, 3), st.integers(1, 30))
def test_a_string_costs_its_content_and_at_most_two_bytes(
    seed: int, samples: int, columns: int, alphabet: int
) -> None:
    latents, tables = _draw(seed, samples, columns, alphabet)
    content = sum(
        -np.log2(table.counts[column - table.offset] / 2**16).sum()
        for column, table in zip(latents.T, tables, strict=True)
    )
    bits = 8 * len(_encode(latents, tables))
    assert content <= bits <= 1.001 * content + 16


@pytest.mark.parametrize("samples", [0, 1, 2])
def test_messages_of_none_to_two_symbols_round_trip(samples: int) -> None:
    table = FrequencyTable.from_pmf(np.full(10, 0.1))
    latents = np.arange(7, 7 + samples, dtype=np.int32)[:, None]
    data = _encode(latents, [table])
    assert len(data) == (samples > 0)
    assert np.array_equal(decode_columns(samples, [table], SymbolDecoder(data)), latents)


def test_a_certain_symbol_costs_nothing() -> None:
    table = FrequencyTable.from_pmf(np.ones(1), offset=5)
    latents = np.full((1000, 1), 5, dtype=np.int32)
    assert _encode(latents, [table]) == b""
    assert np.array_equal(decode_columns(1000, [table], SymbolDecoder(b"")), latents)


def test_the_bytes_of_a_string_do_not_change() -> None:
    """A change of format changes the rate silently: it has to be deliberate."""
    tables = [
        FrequencyTable.from_pmf(np.array([0.5, 0.25, 0.125, 0.125])),
        FrequencyTable.from_pmf(np.array([0.9, 0.1])),
    ]
    latents = np.array([[0, 0], [1, 0], [2, 1], [3, 0], [0, 0], [0, 0], [1, 1], [0, 0]], dtype=np.int32)
    assert [table.counts.tolist() for table in tables] == [[32768, 16384, 8192, 8192], [58982, 6554]]
    assert _encode(latents, tables).hex() == "5b9320"


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=300).filter(lambda p: sum(p) > 0))
def test_tables_are_normalised_and_never_zero(pmf: list[float]) -> None:
    table = FrequencyTable.from_pmf(np.array(pmf))
    assert table.counts.sum() == 2**16
    assert table.counts.min() >= 1
    expected = np.array(pmf) / sum(pmf)
    assert np.abs(table.counts / 2**16 - expected).max() <= 2 * len(pmf) / 2**16


@pytest.mark.parametrize("pmf", [[], [0.0, 0.0], [0.5, -0.1], [float("nan"), 1.0], [[0.5, 0.5]]])
def test_probabilities_that_are_no_distribution_are_refused(pmf: list[float]) -> None:
    with pytest.raises(ValueError, match="probabilities"):
        FrequencyTable.from_pmf(np.array(pmf))


def test_a_symbol_outside_its_table_is_refused() -> None:
    table = FrequencyTable.from_pmf(np.array([0.5, 0.5]), offset=-1)
    with pytest.raises(ValueError, match=r"\[-1, 0\]"):
        SymbolEncoder().encode(np.array([1], dtype=np.int32), table)


@pytest.mark.parametrize("alphabet", [2, 3, 1000, 60_000])
@pytest.mark.parametrize("samples", [1, 30, 200_000])
def test_a_string_of_the_rarest_symbol_is_not_called_too_short(alphabet: int, samples: int) -> None:
    counts = np.ones(alphabet, dtype=np.int64)
    counts[0] += 2**16 - alphabet
    table = FrequencyTable(counts)
    latents = np.full((samples, 1), alphabet - 1, dtype=np.int32)
    encoder = SymbolEncoder()
    encode_columns(latents, [table], encoder)
    data = encoder.words() if samples > 1000 else _encode(latents, [table])
    assert np.array_equal(decode_columns(samples, [table], SymbolDecoder(data)), latents)


def test_no_more_is_decoded_than_a_string_can_hold() -> None:
    """A length that was altered must not keep the decoder busy: the coder itself would not stop."""
    table = FrequencyTable.from_pmf(np.array([0.9, 0.1]))
    data = _encode(np.zeros((100, 1), dtype=np.int32), [table])
    with pytest.raises(BitstreamError, match="ends before its symbols do"):
        SymbolDecoder(data).decode(1 << 27, table)
    for impossible in (-1, 1 << 40):
        with pytest.raises(BitstreamError, match="asks for"):
            SymbolDecoder(data).decode(impossible, FrequencyTable.from_pmf(np.ones(1)))


def test_a_panic_of_the_coder_is_damage_and_an_interrupt_is_not() -> None:
    class PanicException(BaseException):
        """As Rust's libraries raise it: no Exception."""

    class Stub:
        def __init__(self, error: BaseException) -> None:
            self.error = error

        def decode(self, model: object, count: int) -> None:
            raise self.error

    table = FrequencyTable.from_pmf(np.array([0.9, 0.1]))
    decoder = SymbolDecoder(b"")
    decoder._coder = Stub(PanicException("index out of bounds"))
    with pytest.raises(BitstreamError, match="damaged: index out of bounds"):
        decoder.decode(1, table)
    decoder._coder = Stub(KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        decoder.decode(1, table)
