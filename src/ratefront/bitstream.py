"""The container of coded samples, and the one place where bits are counted.

::

    magic "RFNT" | version u16 | header bytes u16 | codec identity 32 B | samples u32 | block size u32 | elements u32
    per block:  payload bytes u32 | CRC-32 of the latents u32
    per block:  payload (one self-terminating string)
    CRC-32 of everything before u32

All fields are little-endian and of fixed size. Payload is rate; everything else is overhead. Nothing in the overhead
depends on the data but the lengths and checksums, from which the decoder learns nothing.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ratefront.entropy_coder import Symbols
from ratefront.errors import BitstreamError

MAGIC, VERSION = b"RFNT", 1
FILLER = -1  # of ragged latents
_RAGGED = 0xFFFFFFFF
IDENTITY_BYTES = 32
_HEADER = struct.Struct("<4sHH32sIII")
_BLOCK = struct.Struct("<II")
_CRC = struct.Struct("<I")
_MOST_LATENTS = 1 << 28  # a corrupt header must not make the decoder allocate the machine's memory


class LatentCoder(Protocol):
    """What the container needs of a codec: latents are integers (n, elements), in samples' order.

    ``first`` is the position of the first sample in the whole sequence; only codecs that agree on a schedule use it,
    and say so by ``uses_position``. Where samples differ in length ``elements`` is None, and the rows of a block are
    filled up with ``FILLER`` to the longest one.
    """

    @property
    def elements(self) -> int | None: ...

    @property
    def uses_position(self) -> bool: ...

    def encode(self, latents: Symbols, first: int) -> bytes:
        """Latents (n, elements) as one self-terminating string that decodes to them."""
        ...

    def decode(self, data: bytes, samples: int, first: int) -> Symbols: ...


@dataclass(frozen=True)
class CodedStream:
    """Bytes of a container, and what of them is payload."""

    data: bytes
    samples: int
    payload_bytes: tuple[int, ...]

    @property
    def rate_bits(self) -> float:
        """Bit/sample of the payload."""
        return 8 * sum(self.payload_bytes) / self.samples

    @property
    def overhead_bits(self) -> float:
        """Bit/sample of everything else."""
        return 8 * (len(self.data) - sum(self.payload_bytes)) / self.samples


def _latent_crc(latents: Symbols) -> int:
    return zlib.crc32(np.ascontiguousarray(latents, dtype="<i4").tobytes())


def _fitted(latents: Symbols, elements: int | None) -> Symbols:
    """Ragged latents without the columns that only other blocks need."""
    if elements is not None:
        return latents
    return latents[:, : int((latents != FILLER).sum(axis=1).max(initial=0))]


def joined(blocks: Sequence[Symbols]) -> Symbols:
    """Latents of several blocks, one after another; ragged ones are filled up to the longest."""
    width = max((block.shape[1] for block in blocks), default=0)
    padded = [np.pad(b, ((0, 0), (0, width - b.shape[1])), constant_values=FILLER) for b in blocks]
    return np.concatenate(padded) if padded else np.zeros((0, width), dtype=np.int32)


def _blocks(samples: int, block_size: int) -> Iterator[tuple[int, int]]:
    for first in range(0, samples, block_size):
        yield first, min(block_size, samples - first)


def bits_alone(coder: LatentCoder, latents: Symbols) -> NDArray[np.int64]:
    """Bits (n,) of each sample as a string of its own."""
    rows, inverse = latents, np.arange(len(latents))
    if not coder.uses_position:  # the same latents are the same string
        rows, inverse = np.unique(latents, axis=0, return_inverse=True)
    alone = [coder.encode(_fitted(rows[i : i + 1], coder.elements), i) for i in range(len(rows))]
    bits: NDArray[np.int64] = np.array([8 * len(string) for string in alone], dtype=np.int64)
    return bits[inverse.reshape(-1)]


def write_stream(coder: LatentCoder, identity: bytes, latents: Symbols, block_size: int) -> CodedStream:
    """Code latents (n, elements) in blocks of ``block_size`` samples.

    Raises
    ------
    ValueError
        The identity is not 32 bytes, or the latents do not fit the codec.
    BitstreamError
        A block does not decode to its own latents.
    """
    if len(identity) != IDENTITY_BYTES:
        raise ValueError(f"an identity has {IDENTITY_BYTES} bytes, got {len(identity)}")
    if latents.ndim != 2 or coder.elements not in (None, latents.shape[1]):
        raise ValueError(f"latents are (n, {coder.elements}), got {latents.shape}")
    spans = list(_blocks(len(latents), block_size))
    blocks = [_fitted(latents[first : first + count], coder.elements) for first, count in spans]
    payloads = [coder.encode(block, first) for block, (first, _) in zip(blocks, spans, strict=True)]
    elements = _RAGGED if coder.elements is None else coder.elements
    header = _HEADER.pack(MAGIC, VERSION, _HEADER.size, identity, len(latents), block_size, elements)
    index = b"".join(
        _BLOCK.pack(len(payload), _latent_crc(block)) for block, payload in zip(blocks, payloads, strict=True)
    )
    body = header + index + b"".join(payloads)
    return CodedStream(body + _CRC.pack(zlib.crc32(body)), len(latents), tuple(map(len, payloads)))


def _parse_header(coder: LatentCoder, identity: bytes, data: bytes) -> tuple[int, int]:
    if len(data) < _HEADER.size + _CRC.size:
        raise BitstreamError(f"not a ratefront stream: {len(data)} bytes")
    magic, version, size, written_by, samples, block_size, elements = _HEADER.unpack_from(data)
    if magic != MAGIC:
        raise BitstreamError(f"not a ratefront stream: it begins with {magic!r}")
    if version != VERSION or size != _HEADER.size:
        raise BitstreamError(f"stream version {version} cannot be read; this is version {VERSION}")
    if _CRC.unpack_from(data, len(data) - _CRC.size)[0] != zlib.crc32(data[: -_CRC.size]):
        raise BitstreamError("the stream is truncated or altered: its checksum differs")
    if written_by != identity:
        raise BitstreamError(
            f"coded by another codec: {written_by.hex()[:12]}…, this is {identity.hex()[:12]}…"
        )
    expected = _RAGGED if coder.elements is None else coder.elements
    if elements != expected or block_size < 1 or samples * max(1, coder.elements or 1) > _MOST_LATENTS:
        raise BitstreamError(
            f"impossible shapes: {samples} samples of {elements} elements, blocks of {block_size}"
        )
    return samples, block_size


def read_stream(coder: LatentCoder, identity: bytes, data: bytes) -> Symbols:
    """The latents (n, elements) of a container.

    Raises
    ------
    BitstreamError
        The data are truncated, altered, foreign, of a newer version, or decode to other latents than were coded.
    """
    samples, block_size = _parse_header(coder, identity, data)
    spans = list(_blocks(samples, block_size))
    position = _HEADER.size + _BLOCK.size * len(spans)
    end = len(data) - _CRC.size
    if position > end:
        raise BitstreamError(f"truncated: {len(spans)} blocks do not fit into {len(data)} bytes")
    decoded = []
    for number, (first, count) in enumerate(spans):
        length, checksum = _BLOCK.unpack_from(data, _HEADER.size + _BLOCK.size * number)
        if position + length > end:
            raise BitstreamError(f"block {number} ends behind the end of the stream")
        latents = coder.decode(data[position : position + length], count, first)
        if _latent_crc(latents) != checksum:
            raise BitstreamError(f"block {number} decodes to other latents than were coded")
        decoded.append(latents)
        position += length
    if position != end:
        raise BitstreamError(f"{end - position} bytes behind the last block")
    return joined(decoded) if decoded else np.zeros((0, coder.elements or 0), dtype=np.int32)
