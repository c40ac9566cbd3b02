"""The container: bits are counted from bytes, and a damaged file is an error, never an answer."""

from __future__ import annotations

import struct
import time
import tracemalloc
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ratefront.bitstream.coded_stream import read_stream, write_stream
from ratefront.bitstream.container import HEADER_BYTES, MAGIC, MAX_LATENTS, Header, parse
from ratefront.bitstream.entropy_coder import FrequencyTable, SymbolDecoder, SymbolEncoder, Symbols
from ratefront.bitstream.latent_coder import FILLER
from ratefront.bitstream.rate_bits import bits_alone
from ratefront.bitstream.string_coder import StringCoder, decode_columns, encode_columns
from ratefront.errors import BitstreamError

IDENTITY = bytes(range(32))


class TwoColumns(StringCoder):
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


def latents_of_two_columns(samples: int, seed: int = 0) -> Symbols:
    rng = np.random.default_rng(seed)
    columns = [rng.choice(4, samples, p=[0.7, 0.2, 0.05, 0.05]) - 1, rng.choice(2, samples, p=[0.05, 0.95])]
    return np.stack(columns, axis=1).astype(np.int32)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 60), st.integers(1, 70), st.integers(0, 1000))
def test_round_trip_and_the_count_of_bits(samples: int, block_size: int, seed: int) -> None:
    latents = latents_of_two_columns(samples, seed)
    stream = write_stream(TwoColumns(), IDENTITY, latents, block_size)
    assert np.array_equal(read_stream(TwoColumns(), IDENTITY, stream.data), latents)
    assert len(stream.payload_bytes) == -(-samples // block_size)
    assert stream.rate_bits + stream.overhead_bits == pytest.approx(8 * len(stream.data) / samples)
    assert stream.rate_bits * samples == pytest.approx(8 * sum(stream.payload_bytes))


def test_overhead_does_not_depend_on_the_data() -> None:
    overheads = {
        write_stream(TwoColumns(), IDENTITY, latents_of_two_columns(50, seed), 20).overhead_bits
        for seed in range(5)
    }
    assert len(overheads) == 1


def test_a_wasteful_coder_pays_in_bytes() -> None:
    latents = latents_of_two_columns(500)
    thrifty, wasteful = (
        write_stream(c, IDENTITY, latents, 500).rate_bits for c in (TwoColumns(), Wasteful())
    )
    assert wasteful > 1.5 * thrifty


def test_alone_each_sample_is_a_string_of_whole_bytes() -> None:
    latents = latents_of_two_columns(30)
    alone = bits_alone(TwoColumns(), latents)
    assert alone.shape == (30,)
    assert set(alone % 8) == {0}
    assert alone.sum() >= 8 * len(TwoColumns().encode(latents))


def test_no_samples() -> None:
    stream = write_stream(TwoColumns(), IDENTITY, latents_of_two_columns(0), 10)
    assert read_stream(TwoColumns(), IDENTITY, stream.data).shape == (0, 2)


def test_every_flipped_byte_is_noticed() -> None:
    data = write_stream(TwoColumns(), IDENTITY, latents_of_two_columns(40), 16).data
    for position in range(len(data)):
        damaged = bytearray(data)
        damaged[position] ^= 0x41
        with pytest.raises(BitstreamError):
            read_stream(TwoColumns(), IDENTITY, bytes(damaged))


def test_every_truncation_is_noticed() -> None:
    data = write_stream(TwoColumns(), IDENTITY, latents_of_two_columns(40), 16).data
    for length in range(len(data)):
        with pytest.raises(BitstreamError):
            read_stream(TwoColumns(), IDENTITY, data[:length])


def _sealed(data: bytes) -> bytes:
    return data + struct.pack("<I", zlib.crc32(data))


def _with_new_checksum(data: bytearray) -> bytes:
    return _sealed(bytes(data[:-4]))


def _with_new_header(data: bytes, header: Header) -> bytes:
    return _sealed(header.pack() + data[HEADER_BYTES:-4])


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_the_latents_own_checksum_catches_what_the_files_does_not(data: st.DataObject) -> None:
    """An alteration with the file's checksum recomputed: an error or the very same latents, never others."""
    latents = latents_of_two_columns(40)
    altered = bytearray(write_stream(TwoColumns(), IDENTITY, latents, 16).data)
    position = data.draw(st.integers(0, len(altered) - 5))
    altered[position] ^= data.draw(st.integers(1, 255))
    try:
        decoded = read_stream(TwoColumns(), IDENTITY, _with_new_checksum(altered))
    except BitstreamError:
        return
    assert np.array_equal(decoded, latents)


def test_a_foreign_or_newer_stream_says_so() -> None:
    data = write_stream(TwoColumns(), IDENTITY, latents_of_two_columns(4), 4).data
    with pytest.raises(BitstreamError, match="another codec"):
        read_stream(TwoColumns(), bytes(32), data)
    newer = bytearray(data)
    newer[len(MAGIC)] = 9
    with pytest.raises(BitstreamError, match="version 9"):
        read_stream(TwoColumns(), IDENTITY, _with_new_checksum(newer))
    older = bytearray(data)
    older[len(MAGIC)] = 1
    with pytest.raises(BitstreamError, match="version 1 cannot be read; this is version 2"):
        read_stream(TwoColumns(), IDENTITY, _with_new_checksum(older))
    with pytest.raises(BitstreamError, match="not a ratefront stream"):
        read_stream(TwoColumns(), IDENTITY, b"\x89PNG\r\n" + bytes(100))


def test_a_codec_that_does_not_decode_is_refused_by_the_encoder() -> None:
    class Broken(TwoColumns):
        def read(self, samples: int, first: int, decoder: SymbolDecoder) -> Symbols:
            return super().read(samples, first, decoder) + 1

    with pytest.raises(BitstreamError, match="does not decode what it encoded"):
        write_stream(Broken(), IDENTITY, latents_of_two_columns(4), 4)


def test_golden_bytes() -> None:
    data = write_stream(TwoColumns(), IDENTITY, latents_of_two_columns(6), 4).data
    assert data.hex() == (
        "52464e5402003800"
        "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
        "060000000400000002000000f6df42ea"
        "0100000044c48d5d020000003a93100c"
        "0ce168"
        "28ee9c93"
    )


def test_a_container_is_taken_apart_without_its_codec() -> None:
    stream = write_stream(TwoColumns(), IDENTITY, latents_of_two_columns(40), 16)
    layout = parse(stream.data)
    assert layout.header == Header(IDENTITY, 40, 16, 2)
    lengths = tuple(block.payload.stop - block.payload.start for block in layout.blocks)
    assert lengths == stream.payload_bytes
    assert layout.payload_bytes == sum(stream.payload_bytes)
    assert len(stream.data) == layout.payload_bytes + HEADER_BYTES + 8 * 3 + 4


def test_exchanged_or_foreign_blocks_are_noticed_though_each_is_whole() -> None:
    """Index and payload of two blocks change places, or come from another stream of the same codec."""
    own, other = (
        write_stream(TwoColumns(), IDENTITY, latents_of_two_columns(32, seed), 16).data for seed in (0, 1)
    )
    ours, theirs = _taken_apart(own), _taken_apart(other)
    for blocks in ((ours[1], ours[0]), (ours[0], theirs[1]), (theirs[0], ours[1])):
        index, payloads = (b"".join(part) for part in zip(*blocks, strict=True))
        with pytest.raises(BitstreamError, match="other latents"):
            read_stream(TwoColumns(), IDENTITY, _sealed(own[:HEADER_BYTES] + index + payloads))


def _taken_apart(data: bytes) -> list[tuple[bytes, bytes]]:
    places = [HEADER_BYTES + 8 * number for number in range(len(parse(data).blocks))]
    entries = [data[place : place + 8] for place in places]
    return list(zip(entries, [data[block.payload] for block in parse(data).blocks], strict=True))


def test_no_block_is_left_out_or_moved() -> None:
    """A stream of fewer blocks, its header made to fit, is another stream."""
    data = write_stream(TwoColumns(), IDENTITY, latents_of_two_columns(48), 16).data
    blocks = _taken_apart(data)
    for kept in (blocks[:2], blocks[1:]):
        index, payloads = (b"".join(part) for part in zip(*kept, strict=True))
        shorter = Header(IDENTITY, 32, 16, 2).pack() + index + payloads
        with pytest.raises(BitstreamError, match="other latents"):
            read_stream(TwoColumns(), IDENTITY, _sealed(shorter))


@pytest.mark.parametrize(
    ("samples", "block_size"),
    [
        (2**32 - 1, 1),
        (2**27, 2**20),
        (2**32 - 1, 2**32 - 1),
        (40, 0),
        (41, 41),
        (0, 1),
        (2**20, 2**20),
        (1, 40),
    ],
)
def test_impossible_shapes_cost_neither_time_nor_memory(samples: int, block_size: int) -> None:
    """A header that was altered and sealed anew: refused before anything of its size is made."""
    data = write_stream(TwoColumns(), IDENTITY, latents_of_two_columns(40), 40).data
    fields = struct.pack("<4sHH32sIII", MAGIC, 2, HEADER_BYTES, IDENTITY, samples, block_size, 2)
    altered = _sealed(_sealed(fields) + data[HEADER_BYTES:-4])
    tracemalloc.start()
    began = time.perf_counter()
    with pytest.raises(BitstreamError):
        read_stream(TwoColumns(), IDENTITY, altered)
    assert time.perf_counter() - began < 1
    assert tracemalloc.get_traced_memory()[1] < 32e6
    tracemalloc.stop()


def test_more_than_a_reader_takes_is_not_written() -> None:
    samples = (1 << 20) + 1
    with pytest.raises(ValueError, match=str(MAX_LATENTS)):
        write_stream(TwoColumns(), IDENTITY, np.broadcast_to(np.int32(0), (samples, 2)), samples)


def test_a_block_size_beyond_all_samples_is_all_of_them() -> None:
    streams = {
        write_stream(TwoColumns(), IDENTITY, latents_of_two_columns(40), size).data
        for size in (40, 1000, 2**40)
    }
    assert len(streams) == 1


class Fitful(TwoColumns):
    """A coder whose decoder stumbles."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def decode(self, data: bytes, samples: int, first: int = 0) -> Symbols:
        raise self.error


def test_what_a_codec_stumbles_over_is_told_with_its_block_and_cause() -> None:
    data = write_stream(TwoColumns(), IDENTITY, latents_of_two_columns(4), 4).data
    with pytest.raises(BitstreamError, match="block 0 cannot be decoded: IndexError: index 9") as caught:
        read_stream(Fitful(IndexError("index 9 is out of bounds")), IDENTITY, data)
    assert isinstance(caught.value.__cause__, IndexError)
    with pytest.raises(TypeError):  # a mistake of the codec's own
        read_stream(Fitful(TypeError("no bytes")), IDENTITY, data)


class Ragged(StringCoder):
    """Samples of 0 to 7 symbols: their lengths, then all symbols."""

    elements = None
    uses_position = False
    lengths = FrequencyTable.from_pmf(np.arange(8, 0, -1))
    symbols = FrequencyTable.from_pmf(np.array([0.5, 0.3, 0.2]))

    def write(self, latents: Symbols, first: int, encoder: SymbolEncoder) -> None:
        encoder.encode((latents != FILLER).sum(axis=1).astype(np.int32), self.lengths)
        encoder.encode(latents[latents != FILLER], self.symbols)

    def read(self, samples: int, first: int, decoder: SymbolDecoder) -> Symbols:
        lengths = decoder.decode(samples, self.lengths)
        latents = np.full((samples, int(lengths.max(initial=0))), FILLER, dtype=np.int32)
        latents[np.arange(latents.shape[1]) < lengths[:, None]] = decoder.decode(
            int(lengths.sum()), self.symbols
        )
        return latents


def ragged_latents(samples: int, seed: int = 0) -> Symbols:
    rng = np.random.default_rng(seed)
    lengths = rng.integers(0, 8, samples)
    drawn = rng.choice(3, (samples, int(lengths.max(initial=0))), p=[0.5, 0.3, 0.2])
    return np.where(np.arange(drawn.shape[1]) < lengths[:, None], drawn, FILLER).astype(np.int32)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 30), st.integers(1, 20), st.integers(0, 1000))
def test_ragged_samples_round_trip(samples: int, block_size: int, seed: int) -> None:
    latents = ragged_latents(samples, seed)
    stream = write_stream(Ragged(), IDENTITY, latents, block_size)
    assert np.array_equal(read_stream(Ragged(), IDENTITY, stream.data), latents)


def test_ragged_shapes_are_part_of_the_checksum() -> None:
    """Three samples of nothing are not two of nothing, though neither has a byte."""
    data = write_stream(Silent(), IDENTITY, np.zeros((3, 0), dtype=np.int32), 3).data
    assert read_stream(Silent(), IDENTITY, data).shape == (3, 0)
    with pytest.raises(BitstreamError, match="other latents"):
        read_stream(Silent(), IDENTITY, _with_new_header(data, Header(IDENTITY, 2, 2, None)))


class Silent(Ragged):
    """Sends nothing: every sample is empty."""

    lengths = FrequencyTable.from_pmf(np.ones(1))
