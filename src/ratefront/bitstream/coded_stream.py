"""Coded samples to a file and back (see ``container``), and the one place where bits are counted."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ratefront.bitstream.container import MAGIC, MOST_LATENTS, Header, Layout, pack, parse
from ratefront.bitstream.entropy_coder import Symbols
from ratefront.errors import BitstreamError, InputError

__all__ = [
    "FILLER",
    "MAGIC",
    "CodedStream",
    "LatentCoder",
    "bits_alone",
    "joined",
    "read_stream",
    "write_stream",
]

FILLER = -1  # of ragged latents
_SHAPE = struct.Struct("<II")

#: What a codec may stumble over in a string that it did not write. Its own mistakes (a wrong type, a missing
#: attribute) are none of these.
_STUMBLES = (ArithmeticError, LookupError, ValueError, RuntimeError)


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
    """A container: ``data``, also as ``bytes(stream)``, and how much of each block of it is payload."""

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
        return 8 * sum(self.payload_bytes) / max(1, self.samples)

    @property
    def overhead_bits(self) -> float:
        """Bit/sample of everything else."""
        return 8 * (len(self.data) - sum(self.payload_bytes)) / max(1, self.samples)


def _checksum(before: int, latents: Symbols) -> int:
    """CRC-32 of a block's latents, shape included, going on from that of the header and all blocks before it.

    Blocks that are exchanged, left out, or taken from another stream are noticed, though each is whole.
    """
    shaped = zlib.crc32(_SHAPE.pack(*latents.shape), before)
    return zlib.crc32(np.ascontiguousarray(latents, dtype="<i4").tobytes(), shaped)


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


def bits_alone(coder: LatentCoder, latents: Symbols, first: int = 0) -> NDArray[np.int64]:
    """Bits (n,) of each sample as a string of its own; the first one stands at position ``first``."""
    rows, inverse = latents, np.arange(len(latents), dtype=np.int64)
    if not coder.uses_position:  # the same latents are the same string
        rows, found = np.unique(latents, axis=0, return_inverse=True)
        inverse = np.asarray(found, dtype=np.int64).reshape(-1)
    alone = [coder.encode(_fitted(rows[i : i + 1], coder.elements), first + i) for i in range(len(rows))]
    bits: NDArray[np.int64] = np.array([8 * len(string) for string in alone], dtype=np.int64)
    return bits[inverse]


def check_block(elements: int | None, samples: int) -> None:
    """
    Raises:
        InputError: So many samples of so many integers are more than a reader takes in one block.
    """
    if samples * (elements or 1) > MOST_LATENTS:
        raise InputError(
            f"block_size: must be ≤ {MOST_LATENTS // (elements or 1)} for samples of {elements} integers, got {samples}"
        )


class StreamWriter:
    """Codes samples block by block, so that no more latents are held than a block has."""

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
            or latents.size > MOST_LATENTS
        ):
            raise ValueError(
                f"latents are (n, {self._coder.elements}), at most {MOST_LATENTS} a block, got {latents.shape}"
            )
        block = _fitted(latents, self._coder.elements)
        self._payloads.append(self._coder.encode(block, first))
        self._checksums.append(_checksum(self._checksums[-1], block))

    def stream(self) -> CodedStream:
        """The whole container, once every block was added."""
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
    """Of each block of a container: the position of its first sample, and its latents (n, elements).

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
    yield from zip((first for first, _ in header.spans), _checked(coder, layout, data), strict=True)


def read_stream(coder: LatentCoder, identity: bytes, data: bytes) -> Symbols:
    """The latents (n, elements) of a container, all at once; see ``read_blocks``."""
    blocks = [latents for _, latents in read_blocks(coder, identity, data)]
    return joined(blocks) if blocks else np.zeros((0, coder.elements or 0), dtype=np.int32)


def _checked(coder: LatentCoder, layout: Layout, data: bytes) -> Iterator[Symbols]:
    """The latents of each block, each compared with what was coded before the next is begun."""
    checksum = layout.header.checksum
    for number, (block, (first, count)) in enumerate(zip(layout.blocks, layout.header.spans, strict=True)):
        latents = _decoded(coder, data[block.payload], count, first, number)
        checksum = _checksum(checksum, latents)
        if checksum != block.checksum:
            raise BitstreamError(f"block {number} decodes to other latents than were coded")
        yield latents


def _decoded(coder: LatentCoder, payload: bytes, samples: int, first: int, number: int) -> Symbols:
    """One block. A codec guards its own decoding; what still goes wrong there is the string's fault, and told so."""
    try:
        latents = coder.decode(payload, samples, first)
    except BitstreamError as error:
        raise BitstreamError(f"block {number}: {error}") from error
    except _STUMBLES as error:
        raise BitstreamError(f"block {number} cannot be decoded: {type(error).__name__}: {error}") from error
    width = coder.elements if coder.elements is not None else latents.shape[-1]
    if latents.shape != (samples, width):
        raise BitstreamError(f"block {number} decodes to latents {latents.shape}, not ({samples}, {width})")
    return latents
