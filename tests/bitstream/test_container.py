"""The layout of a container: it needs no codec, and impossible shapes are refused."""

from __future__ import annotations

import struct
import time
import tracemalloc
import zlib

import pytest
from tests.bitstream.small_coders import (
    IDENTITY,
    TwoColumns,
    latents_of_two_columns,
)

from ratefront.bitstream.coded_stream import read_stream, write_stream
from ratefront.bitstream.container import HEADER_BYTES, MAGIC, Header, parse
from ratefront.errors import BitstreamError


def _with_checksum_at_end(data: bytes) -> bytes:
    return data + struct.pack("<I", zlib.crc32(data))


def test_a_container_is_parsed_without_its_codec() -> None:
    stream = write_stream(TwoColumns(), IDENTITY, latents_of_two_columns(40), 16)
    layout = parse(stream.data)
    assert layout.header == Header(IDENTITY, 40, 16, 2)
    lengths = tuple(block.payload.stop - block.payload.start for block in layout.blocks)
    assert lengths == stream.payload_bytes
    assert layout.payload_bytes == sum(stream.payload_bytes)
    assert len(stream.data) == layout.payload_bytes + HEADER_BYTES + 8 * 3 + 4


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
    """An altered header with a new checksum is refused before anything of its size is allocated."""
    data = write_stream(TwoColumns(), IDENTITY, latents_of_two_columns(40), 40).data
    fields = struct.pack("<4sHH32sIII", MAGIC, 2, HEADER_BYTES, IDENTITY, samples, block_size, 2)
    altered = _with_checksum_at_end(_with_checksum_at_end(fields) + data[HEADER_BYTES:-4])
    tracemalloc.start()
    began = time.perf_counter()
    with pytest.raises(BitstreamError):
        read_stream(TwoColumns(), IDENTITY, altered)
    assert time.perf_counter() - began < 1
    assert tracemalloc.get_traced_memory()[1] < 32e6
    tracemalloc.stop()


def test_the_bytes_of_a_container_do_not_change() -> None:
    data = write_stream(TwoColumns(), IDENTITY, latents_of_two_columns(6), 4).data
    assert data.hex() == (
        "52464e5402003800"
        "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
        "060000000400000002000000f6df42ea"
        "0100000044c48d5d020000003a93100c"
        "0ce168"
        "28ee9c93"
    )
