"""Streams decode to the coded latents, or to an error: a damaged file never decodes to others."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.bitstream.small_coders import (
    IDENTITY,
    Ragged,
    Silent,
    TwoColumns,
    latents_of_two_columns,
    ragged_latents,
)

from ratefront.bitstream.coded_stream import read_stream, write_stream
from ratefront.bitstream.container import HEADER_BYTES, MAGIC, MAX_LATENTS, Header, parse
from ratefront.bitstream.entropy_coder import SymbolDecoder, Symbols
from ratefront.errors import BitstreamError


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 60), st.integers(1, 70), st.integers(0, 1000))
def test_streams_round_trip_and_bits_are_counted_from_bytes(samples: int, block_size: int, seed: int) -> None:
    latents = latents_of_two_columns(samples, seed)
    stream = write_stream(TwoColumns(), IDENTITY, latents, block_size)
    assert np.array_equal(read_stream(TwoColumns(), IDENTITY, stream.data), latents)
    assert len(stream.payload_bytes) == -(-samples // block_size)
    assert stream.rate_bits + stream.overhead_bits == pytest.approx(8 * len(stream.data) / samples)
    assert stream.rate_bits * samples == pytest.approx(8 * sum(stream.payload_bytes))


def test_a_stream_of_no_samples_round_trips() -> None:
    stream = write_stream(TwoColumns(), IDENTITY, latents_of_two_columns(0), 10)
    assert read_stream(TwoColumns(), IDENTITY, stream.data).shape == (0, 2)


def test_every_flipped_byte_is_refused() -> None:
    data = write_stream(TwoColumns(), IDENTITY, latents_of_two_columns(40), 16).data
    for position in range(len(data)):
        damaged = bytearray(data)
        damaged[position] ^= 0x41
        with pytest.raises(BitstreamError):
            read_stream(TwoColumns(), IDENTITY, bytes(damaged))


def test_every_truncation_is_refused() -> None:
    data = write_stream(TwoColumns(), IDENTITY, latents_of_two_columns(40), 16).data
    for length in range(len(data)):
        with pytest.raises(BitstreamError):
            read_stream(TwoColumns(), IDENTITY, data[:length])


def _with_checksum_at_end(data: bytes) -> bytes:
    return data + struct.pack("<I", zlib.crc32(data))


def _with_new_checksum(data: bytearray) -> bytes:
    return _with_checksum_at_end(bytes(data[:-4]))


def _with_new_header(data: bytes, header: Header) -> bytes:
    return _with_checksum_at_end(header.pack() + data[HEADER_BYTES:-4])


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_the_checksum_of_latents_catches_damage_behind_a_valid_file_sum(data: st.DataObject) -> None:
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


def test_a_foreign_newer_or_older_stream_is_named_and_refused() -> None:
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


def test_exchanged_or_foreign_blocks_are_refused() -> None:
    """Index and payload of two blocks change places, or come from another stream of the same codec."""
    data, other = (
        write_stream(TwoColumns(), IDENTITY, latents_of_two_columns(32, seed), 16).data for seed in (0, 1)
    )
    ours, theirs = _index_entries_and_payloads(data), _index_entries_and_payloads(other)
    for blocks in ((ours[1], ours[0]), (ours[0], theirs[1]), (theirs[0], ours[1])):
        index, payloads = (b"".join(part) for part in zip(*blocks, strict=True))
        with pytest.raises(BitstreamError, match="other latents"):
            read_stream(TwoColumns(), IDENTITY, _with_checksum_at_end(data[:HEADER_BYTES] + index + payloads))


def _index_entries_and_payloads(data: bytes) -> list[tuple[bytes, bytes]]:
    places = [HEADER_BYTES + 8 * number for number in range(len(parse(data).blocks))]
    entries = [data[place : place + 8] for place in places]
    return list(zip(entries, [data[block.payload] for block in parse(data).blocks], strict=True))


def test_a_stream_without_one_of_its_blocks_is_refused() -> None:
    """A stream of fewer blocks, its header made to fit, is another stream."""
    data = write_stream(TwoColumns(), IDENTITY, latents_of_two_columns(48), 16).data
    blocks = _index_entries_and_payloads(data)
    for kept in (blocks[:2], blocks[1:]):
        index, payloads = (b"".join(part) for part in zip(*kept, strict=True))
        shorter = Header(IDENTITY, 32, 16, 2).pack() + index + payloads
        with pytest.raises(BitstreamError, match="other latents"):
            read_stream(TwoColumns(), IDENTITY, _with_checksum_at_end(shorter))


def test_a_block_larger_than_a_reader_takes_is_not_written() -> None:
    samples = (1 << 20) + 1
    with pytest.raises(ValueError, match=str(MAX_LATENTS)):
        write_stream(TwoColumns(), IDENTITY, np.broadcast_to(np.int32(0), (samples, 2)), samples)


def test_a_block_size_beyond_all_samples_is_all_of_them() -> None:
    streams = {
        write_stream(TwoColumns(), IDENTITY, latents_of_two_columns(40), size).data
        for size in (40, 1000, 2**40)
    }
    assert len(streams) == 1


class FailingDecoder(TwoColumns):
    """A coder whose decoder raises an error."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def decode(self, data: bytes, samples: int, first: int = 0) -> Symbols:
        raise self.error


def test_an_error_of_the_decoder_names_its_block_and_cause() -> None:
    data = write_stream(TwoColumns(), IDENTITY, latents_of_two_columns(4), 4).data
    with pytest.raises(BitstreamError, match="block 0 cannot be decoded: IndexError: index 9") as caught:
        read_stream(FailingDecoder(IndexError("index 9 is out of bounds")), IDENTITY, data)
    assert isinstance(caught.value.__cause__, IndexError)
    with pytest.raises(TypeError):  # a mistake of the codec's own
        read_stream(FailingDecoder(TypeError("no bytes")), IDENTITY, data)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 30), st.integers(1, 20), st.integers(0, 1000))
def test_ragged_samples_round_trip(samples: int, block_size: int, seed: int) -> None:
    latents = ragged_latents(samples, seed)
    stream = write_stream(Ragged(), IDENTITY, latents, block_size)
    assert np.array_equal(read_stream(Ragged(), IDENTITY, stream.data), latents)


def test_ragged_shapes_are_part_of_the_checksum() -> None:
    """Three empty samples are not two empty samples, though neither stream has a byte of payload."""
    data = write_stream(Silent(), IDENTITY, np.zeros((3, 0), dtype=np.int32), 3).data
    assert read_stream(Silent(), IDENTITY, data).shape == (3, 0)
    with pytest.raises(BitstreamError, match="other latents"):
        read_stream(Silent(), IDENTITY, _with_new_header(data, Header(IDENTITY, 2, 2, None)))
