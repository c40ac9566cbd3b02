"""The container of coded samples: its magic and its layout, which can be read without the codec that wrote it.

::

    magic "RFNT" | version u16 | header bytes u16 | codec identity 32 B | samples u32 | block size u32 | elements u32
                 | CRC-32 of these u32
    per block:  payload bytes u32 | CRC-32 of the latents up to its end u32
    per block:  payload (one self-terminating string)
    CRC-32 of everything before u32

All fields are little-endian and of fixed size. Payload is rate; everything else is overhead. Only lengths and checksums
of the overhead depend on the data, and from these the decoder learns nothing.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from ratefront.errors import BitstreamError

MAGIC, VERSION = b"RFNT", 2
IDENTITY_BYTES = 32

#: The most that a reader takes from a file that it does not trust: 1 GiB of latents, and so many samples in a block,
#: which may cost no bits.
MAX_LATENTS, MAX_BLOCK_SAMPLES = 1 << 28, 1 << 20

_RAGGED_ELEMENTS = 0xFFFFFFFF
_MAGIC_AND_VERSION = struct.Struct("<4sH")
_HEADER = struct.Struct("<4sHH32sIII")
_BLOCK = struct.Struct("<II")
_CRC = struct.Struct("<I")
HEADER_BYTES = _HEADER.size + _CRC.size


@dataclass(frozen=True)
class Header:
    """The identity of the codec that wrote the stream, the number of samples, and the shape of its blocks.

    A block has ``block_size`` samples of ``elements`` integers each; ``elements`` is None where samples differ in
    length. Each shape has one header: a block is never larger than all samples.
    """

    identity: bytes
    samples: int
    block_size: int
    elements: int | None

    def __post_init__(self) -> None:
        latents = self.block_size * max(1, self.elements or 1)
        sizes = self.samples >= 0 and 1 <= self.block_size <= max(1, self.samples)
        if not sizes or self.block_size > MAX_BLOCK_SAMPLES or latents > MAX_LATENTS:
            raise ValueError(
                f"{self.samples} samples of {self.elements} elements in blocks of {self.block_size}; at most "
                f"{MAX_LATENTS} elements and {MAX_BLOCK_SAMPLES} samples a block, no block larger than all"
            )

    @property
    def spans(self) -> Iterator[tuple[int, int]]:
        """Position of the first sample, and number of samples, of each block."""
        for first in range(0, self.samples, self.block_size):
            yield first, min(self.block_size, self.samples - first)

    @property
    def blocks(self) -> int:
        """Number of blocks."""
        return -(-self.samples // self.block_size)

    def pack(self) -> bytes:
        """Return the bytes of the header, with its checksum at the end."""
        return self._fields() + _CRC.pack(self.checksum)

    @property
    def checksum(self) -> int:
        """CRC-32 of the fields.

        It is not that of ``pack()``: the CRC of data that end with their own CRC is the same for all data.

        Raises:
            ValueError: The identity is not 32 bytes.
        """
        return zlib.crc32(self._fields())

    def _fields(self) -> bytes:
        if len(self.identity) != IDENTITY_BYTES:
            raise ValueError(f"an identity has {IDENTITY_BYTES} bytes, got {len(self.identity)}")
        elements = _RAGGED_ELEMENTS if self.elements is None else self.elements
        sizes = (self.samples, self.block_size, elements)
        return _HEADER.pack(MAGIC, VERSION, HEADER_BYTES, self.identity, *sizes)


@dataclass(frozen=True)
class Block:
    """Where a block's payload lies, and the checksum of all latents up to the block's end."""

    payload: slice
    checksum: int


@dataclass(frozen=True)
class Layout:
    """The parts of a container: its header and its blocks."""

    header: Header
    blocks: tuple[Block, ...]

    @property
    def payload_bytes(self) -> int:
        """Bytes of all payloads."""
        return sum(block.payload.stop - block.payload.start for block in self.blocks)


def pack(header: Header, payloads: Sequence[bytes], checksums: Sequence[int]) -> bytes:
    """Return the bytes of a container."""
    index = b"".join(_BLOCK.pack(len(p), c) for p, c in zip(payloads, checksums, strict=True))
    body = b"".join([header.pack(), index, *payloads])
    return body + _CRC.pack(zlib.crc32(body))


def is_container(data: bytes) -> bool:
    """Tell whether the data begin as a container of some version does."""
    return data.startswith(MAGIC)


def parse(data: bytes) -> Layout:
    """Find the parts of a container; its payloads are not looked at.

    Nothing is allocated, and no loop runs, for shapes that the data are too short for.

    Raises:
        BitstreamError: The data are foreign, truncated, altered, of another version, or of impossible shapes.
    """
    header = _parse_header(data)
    begin, end = HEADER_BYTES + _BLOCK.size * header.blocks, len(data) - _CRC.size
    if begin > end:
        raise BitstreamError(f"truncated: {header.blocks} blocks do not fit into {len(data)} bytes")
    index = list(_BLOCK.iter_unpack(data[HEADER_BYTES:begin]))
    bounds = list(accumulate((length for length, _ in index), initial=begin))
    if bounds[-1] != end:
        raise BitstreamError(f"the blocks end at byte {bounds[-1]}, the stream at {end}")
    payloads = (slice(*pair) for pair in pairwise(bounds))
    return Layout(header, tuple(Block(p, checksum) for p, (_, checksum) in zip(payloads, index, strict=True)))


def _parse_header(data: bytes) -> Header:
    if len(data) < _MAGIC_AND_VERSION.size or not is_container(data):
        raise BitstreamError(f"not a ratefront stream: {len(data)} bytes that begin with {data[:4]!r}")
    version = _MAGIC_AND_VERSION.unpack_from(data)[1]
    if version != VERSION:
        raise BitstreamError(f"stream version {version} cannot be read; this is version {VERSION}")
    if len(data) < HEADER_BYTES + _CRC.size or not _ends_with_its_checksum(data):
        raise BitstreamError("the stream is truncated or altered: its checksum differs")
    _, _, size, identity, samples, block_size, elements = _HEADER.unpack_from(data)
    if size != HEADER_BYTES or not _ends_with_its_checksum(data[:HEADER_BYTES]):
        raise BitstreamError("the stream's header is altered: its checksum differs")
    try:
        return Header(identity, samples, block_size, None if elements == _RAGGED_ELEMENTS else elements)
    except ValueError as error:
        raise BitstreamError(f"impossible shapes: {error}") from error


def _ends_with_its_checksum(data: bytes) -> bool:
    """Tell whether the last four bytes are the checksum of those before."""
    return bool(_CRC.unpack_from(data, len(data) - _CRC.size)[0] == zlib.crc32(data[: -_CRC.size]))
