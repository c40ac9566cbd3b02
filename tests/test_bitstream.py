"""The container: bits are counted from bytes, and a damaged file is an error, never an answer."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ratefront.bitstream import MAGIC, bits_alone, read_stream, write_stream
from ratefront.entropy_coder import FrequencyTable, SymbolDecoder, SymbolEncoder, Symbols
from ratefront.errors import BitstreamError
from ratefront.symbol_strings import SymbolStrings, decode_columns, encode_columns

IDENTITY = bytes(range(32))


class TwoColumns(SymbolStrings):
    """A coder of two elements with skewed tables."""

    elements = 2
    uses_position = False
    tables = (
        FrequencyTable.from_pmf(np.array([0.7, 0.2, 0.05, 0.05]), offset=-1),
        FrequencyTable.from_pmf(np.array([0.05, 0.95])),
    )

    def write(self, latents: Symbols, first: int, encoder: SymbolEncoder) -> None:
        encode_columns(latents, self.tables, encoder)

    def read(self, samples: int, first: int, decoder: SymbolDecoder) -> Symbols:
        return decode_columns(samples, self.tables, decoder)


class Wasteful(TwoColumns):
    """Codes every symbol under a table that expects something else."""

    tables = (FrequencyTable.from_pmf(np.ones(4), offset=-1), FrequencyTable.from_pmf(np.ones(2)))


def _latents(samples: int, seed: int = 0) -> Symbols:
    rng = np.random.default_rng(seed)
    columns = [rng.choice(4, samples, p=[0.7, 0.2, 0.05, 0.05]) - 1, rng.choice(2, samples, p=[0.05, 0.95])]
    return np.stack(columns, axis=1).astype(np.int32)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 60), st.integers(1, 70), st.integers(0, 1000))
def test_round_trip_and_the_count_of_bits(samples: int, block_size: int, seed: int) -> None:
    latents = _latents(samples, seed)
    stream = write_stream(TwoColumns(), IDENTITY, latents, block_size)
    assert np.array_equal(read_stream(TwoColumns(), IDENTITY, stream.data), latents)
    assert len(stream.payload_bytes) == -(-samples // block_size)
    assert stream.rate_bits + stream.overhead_bits == pytest.approx(8 * len(stream.data) / samples)
    assert stream.rate_bits * samples == pytest.approx(8 * sum(stream.payload_bytes))


def test_overhead_does_not_depend_on_the_data() -> None:
    overheads = {
        write_stream(TwoColumns(), IDENTITY, _latents(50, seed), 20).overhead_bits for seed in range(5)
    }
    assert len(overheads) == 1


def test_a_wasteful_coder_pays_in_bytes() -> None:
    latents = _latents(500)
    thrifty, wasteful = (
        write_stream(c, IDENTITY, latents, 500).rate_bits for c in (TwoColumns(), Wasteful())
    )
    assert wasteful > 1.5 * thrifty


def test_alone_each_sample_is_a_string_of_whole_bytes() -> None:
    latents = _latents(30)
    alone = bits_alone(TwoColumns(), latents)
    assert alone.shape == (30,)
    assert set(alone % 8) == {0}
    assert alone.sum() >= 8 * len(TwoColumns().encode(latents))


def test_no_samples() -> None:
    stream = write_stream(TwoColumns(), IDENTITY, _latents(0), 10)
    assert read_stream(TwoColumns(), IDENTITY, stream.data).shape == (0, 2)


def test_every_flipped_byte_is_noticed() -> None:
    data = write_stream(TwoColumns(), IDENTITY, _latents(40), 16).data
    for position in range(len(data)):
        damaged = bytearray(data)
        damaged[position] ^= 0x41
        with pytest.raises(BitstreamError):
            read_stream(TwoColumns(), IDENTITY, bytes(damaged))


def test_every_truncation_is_noticed() -> None:
    data = write_stream(TwoColumns(), IDENTITY, _latents(40), 16).data
    for length in range(len(data)):
        with pytest.raises(BitstreamError):
            read_stream(TwoColumns(), IDENTITY, data[:length])


def _with_new_checksum(data: bytearray) -> bytes:
    return bytes(data[:-4]) + struct.pack("<I", zlib.crc32(bytes(data[:-4])))


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_the_latents_own_checksum_catches_what_the_files_does_not(data: st.DataObject) -> None:
    """An alteration with the file's checksum recomputed: an error or the very same latents, never others."""
    latents = _latents(40)
    altered = bytearray(write_stream(TwoColumns(), IDENTITY, latents, 16).data)
    position = data.draw(st.integers(0, len(altered) - 5))
    altered[position] ^= data.draw(st.integers(1, 255))
    try:
        decoded = read_stream(TwoColumns(), IDENTITY, _with_new_checksum(altered))
    except BitstreamError:
        return
    assert np.array_equal(decoded, latents)


def test_a_foreign_or_newer_stream_says_so() -> None:
    data = write_stream(TwoColumns(), IDENTITY, _latents(4), 4).data
    with pytest.raises(BitstreamError, match="another codec"):
        read_stream(TwoColumns(), bytes(32), data)
    newer = bytearray(data)
    newer[len(MAGIC)] = 9
    with pytest.raises(BitstreamError, match="version 9"):
        read_stream(TwoColumns(), IDENTITY, _with_new_checksum(newer))
    with pytest.raises(BitstreamError, match="not a ratefront stream"):
        read_stream(TwoColumns(), IDENTITY, b"\x89PNG\r\n" + bytes(100))


def test_a_codec_that_does_not_decode_is_refused_by_the_encoder() -> None:
    class Broken(TwoColumns):
        def read(self, samples: int, first: int, decoder: SymbolDecoder) -> Symbols:
            return super().read(samples, first, decoder) + 1

    with pytest.raises(BitstreamError, match="does not decode what it encoded"):
        write_stream(Broken(), IDENTITY, _latents(4), 4)


def test_golden_bytes() -> None:
    data = write_stream(TwoColumns(), IDENTITY, _latents(6), 4).data
    assert data.hex() == (
        "52464e5401003400"
        "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
        "060000000400000002000000"
        "010000004db3936d02000000a407b4bb"
        "0ce168"
        "0a5d9ff1"
    )
