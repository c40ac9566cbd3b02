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
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ratefront.entropy_coder import SymbolDecoder, SymbolEncoder, Symbols, shortest_string
from ratefront.errors import BitstreamError

MAGIC, VERSION = b"RFNT", 1
IDENTITY_BYTES = 32
_HEADER = struct.Struct("<4sHH32sIII")
_BLOCK = struct.Struct("<II")
_CRC = struct.Struct("<I")
_MOST_LATENTS = 1 << 28  # a corrupt header must not make the decoder allocate the machine's memory


class LatentCoder(Protocol):
    """What the container needs of a codec: latents are integers (n, elements), in samples' order.

    ``first`` is the position of the first sample in the whole sequence; only codecs that agree on a schedule use it.
    """

    @property
    def elements(self) -> int: ...

    def write(self, latents: Symbols, first: int, encoder: SymbolEncoder) -> None: ...

    def read(self, samples: int, first: int, decoder: SymbolDecoder) -> Symbols: ...


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


def _blocks(samples: int, block_size: int) -> Iterator[tuple[int, int]]:
    for first in range(0, samples, block_size):
        yield first, min(block_size, samples - first)


def encode_string(coder: LatentCoder, latents: Symbols, first: int) -> bytes:
    """Latents (n, elements) as one string, decoded again before it is returned.

    Raises
    ------
    BitstreamError
        The string does not decode to the same latents.
    """
    encoder = SymbolEncoder()
    coder.write(latents, first, encoder)
    words = encoder.words()

    def decodes(data: bytes) -> bool:
        try:
            return np.array_equal(coder.read(len(latents), first, SymbolDecoder(data)), latents)
        except BitstreamError:
            return False

    if not decodes(words):
        raise BitstreamError("the codec does not decode what it encoded")
    return shortest_string(words, decodes)


def bits_alone(coder: LatentCoder, latents: Symbols) -> NDArray[np.int64]:
    """Bits (n,) of each sample as a string of its own."""
    return np.array(
        [8 * len(encode_string(coder, latents[i : i + 1], i)) for i in range(len(latents))], dtype=np.int64
    )


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
    if latents.ndim != 2 or latents.shape[1] != coder.elements:
        raise ValueError(f"latents are (n, {coder.elements}), got {latents.shape}")
    spans = list(_blocks(len(latents), block_size))
    payloads = [encode_string(coder, latents[first : first + count], first) for first, count in spans]
    header = _HEADER.pack(MAGIC, VERSION, _HEADER.size, identity, len(latents), block_size, coder.elements)
    index = b"".join(
        _BLOCK.pack(len(payload), _latent_crc(latents[first : first + count]))
        for (first, count), payload in zip(spans, payloads, strict=True)
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
    if elements != coder.elements or block_size < 1 or samples * max(1, elements) > _MOST_LATENTS:
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
        latents = coder.read(count, first, SymbolDecoder(data[position : position + length]))
        if _latent_crc(latents) != checksum:
            raise BitstreamError(f"block {number} decodes to other latents than were coded")
        decoded.append(latents)
        position += length
    if position != end:
        raise BitstreamError(f"{end - position} bytes behind the last block")
    return np.concatenate(decoded) if decoded else np.zeros((0, coder.elements), dtype=np.int32)
