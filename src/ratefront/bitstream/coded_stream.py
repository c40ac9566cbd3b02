"""Coded samples to a file and back: blocks of latents, each coded as one string of a container (see ``container``)."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ratefront.bitstream.container import MAX_LATENTS, Header, Layout, pack, parse
from ratefront.bitstream.entropy_coder import Symbols
from ratefront.bitstream.latent_coder import LatentCoder, concatenate_blocks, without_unused_columns
from ratefront.bitstream.rate_bits import bits_per_sample
from ratefront.errors import BitstreamError, InputError

_SHAPE = struct.Struct("<II")

#: Errors that a codec may raise over a string that it did not write. Its own mistakes (a wrong type, a missing
#: attribute) are none of these.
_ERRORS_OF_A_DAMAGED_STRING = (ArithmeticError, LookupError, ValueError, RuntimeError)


@dataclass(frozen=True)
class CodedStream:
    """A container: ``data``, also as ``bytes(stream)``, and the payload bytes of each block."""

    data: bytes
    samples: int
    payload_bytes: tuple[int, ...]

    def __bytes__(self) -> bytes:
        return self.data

    def __len__(self) -> int:
        return len(self.data)

    def __repr__(self) -> str:
        return f"<{self.samples} samples in {len(self.data)} bytes, {self.rate_bits:.4f} bit/sample>"

    @property
    def rate_bits(self) -> float:
        """Bit/sample of the payload; 0 of no samples."""
        return bits_per_sample(sum(self.payload_bytes), self.samples)

    @property
    def overhead_bits(self) -> float:
        """Bit/sample of everything else."""
        return bits_per_sample(len(self.data) - sum(self.payload_bytes), self.samples)


def _checksum(before: int, latents: Symbols) -> int:
    """Return the CRC-32 of a block's latents and shape, continued from that of the header and all blocks before it.

    Blocks that are exchanged, left out, or taken from another stream are noticed, though each is whole.
    """
    shape = zlib.crc32(_SHAPE.pack(*latents.shape), before)
    return zlib.crc32(np.ascontiguousarray(latents, dtype="<i4").tobytes(), shape)


def check_block_size(elements: int | None, samples: int) -> None:
    """Check that a reader takes a block of so many samples, of so many integers each.

    Raises:
        InputError: A block has more integers than a reader takes.
    """
    if samples * (elements or 1) > MAX_LATENTS:
        raise InputError(
            f"block_size: must be ≤ {MAX_LATENTS // (elements or 1)} for samples of {elements} integers, got {samples}"
        )


class StreamWriter:
    """Codes samples block by block, so that no more than one block's latents are in memory."""

    def __init__(self, coder: LatentCoder, identity: bytes, samples: int, block_size: int) -> None:
        self._coder = coder
        self._header = Header(identity, samples, min(block_size, max(1, samples)), coder.elements)
        self._payloads: list[bytes] = []
        self._checksums = [self._header.checksum]

    @property
    def spans(self) -> Iterator[tuple[int, int]]:
        """First sample and number of samples of each block."""
        return iter(self._header.spans)

    def add(self, latents: Symbols, first: int) -> None:
        """Code the next block.

        Raises:
            ValueError: The latents do not fit the codec, or are more than a reader takes.
            BitstreamError: The block does not decode to its own latents.
        """
        if (
            latents.ndim != 2
            or self._coder.elements not in (None, latents.shape[1])
            or latents.size > MAX_LATENTS
        ):
            raise ValueError(
                f"latents are (n, {self._coder.elements}), at most {MAX_LATENTS} a block, got {latents.shape}"
            )
        block = without_unused_columns(latents, self._coder.elements)
        self._payloads.append(self._coder.encode(block, first))
        self._checksums.append(_checksum(self._checksums[-1], block))

    def stream(self) -> CodedStream:
        """Return the whole container, once every block was added."""
        data = pack(self._header, self._payloads, self._checksums[1:])
        return CodedStream(data, self._header.samples, tuple(map(len, self._payloads)))


def write_stream(coder: LatentCoder, identity: bytes, latents: Symbols, block_size: int) -> CodedStream:
    """Code latents (n, elements) in blocks of ``block_size`` samples.

    Raises:
        ValueError: The identity is not 32 bytes, the latents do not fit the codec, or a block's are more than
            a reader takes.
        BitstreamError: A block does not decode to its own latents.
    """
    writer = StreamWriter(coder, identity, len(latents), block_size)
    for first, count in writer.spans:
        writer.add(latents[first : first + count], first)
    return writer.stream()


def read_blocks(coder: LatentCoder, identity: bytes, data: bytes) -> Iterator[tuple[int, Symbols]]:
    """Yield the position of the first sample and the latents (n, elements) of each block of a container.

    Raises:
        BitstreamError: The data are truncated, altered, foreign, of a newer version, or decode to other
            latents than were coded.
    """
    layout = parse(data)
    header = layout.header
    if header.identity != identity:
        raise BitstreamError(
            f"coded by another codec: {header.identity.hex()[:12]}…, this is {identity.hex()[:12]}…"
        )
    if header.elements != coder.elements:
        raise BitstreamError(f"samples have {header.elements} elements, this codec's have {coder.elements}")
    yield from zip((first for first, _ in header.spans), _checked_latents(coder, layout, data), strict=True)


def read_stream(coder: LatentCoder, identity: bytes, data: bytes) -> Symbols:
    """Decode the latents (n, elements) of a container, all at once; see ``read_blocks``."""
    blocks = [latents for _, latents in read_blocks(coder, identity, data)]
    return concatenate_blocks(blocks) if blocks else np.zeros((0, coder.elements or 0), dtype=np.int32)


def _checked_latents(coder: LatentCoder, layout: Layout, data: bytes) -> Iterator[Symbols]:
    """Yield the latents of each block; their checksum is compared before the next block is begun."""
    checksum = layout.header.checksum
    for number, (block, (first, count)) in enumerate(zip(layout.blocks, layout.header.spans, strict=True)):
        latents = _decode_block(coder, data[block.payload], count, first, number)
        checksum = _checksum(checksum, latents)
        if checksum != block.checksum:
            raise BitstreamError(f"block {number} decodes to other latents than were coded")
        yield latents


def _decode_block(coder: LatentCoder, payload: bytes, samples: int, first: int, number: int) -> Symbols:
    """Decode one block; an error of the codec's decoder is the string's fault and is reported as such."""
    try:
        latents = coder.decode(payload, samples, first)
    except BitstreamError as error:
        raise BitstreamError(f"block {number}: {error}") from error
    except _ERRORS_OF_A_DAMAGED_STRING as error:
        raise BitstreamError(f"block {number} cannot be decoded: {type(error).__name__}: {error}") from error
    width = coder.elements if coder.elements is not None else latents.shape[-1]
    if latents.shape != (samples, width):
        raise BitstreamError(f"block {number} decodes to latents {latents.shape}, not ({samples}, {width})")
    return latents
