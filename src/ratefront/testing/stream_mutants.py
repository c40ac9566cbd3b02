"""Damaged streams, and what has to become of each: an error of one kind, or the very latents that were coded.

A codec family tries its own with ``survive``; ``mutants`` makes the same ones from the same seed.
"""

from __future__ import annotations

import io
import struct
import time
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from ratefront.bitstream import LatentCoder, read_stream
from ratefront.container import HEADER_BYTES, MAGIC, VERSION, parse
from ratefront.entropy_coder import Symbols
from ratefront.errors import BitstreamError

#: What one mutant may cost: a receiver must not be kept busy by a file that is no stream.
MOST_SECONDS = 2.0

_CRC, _ENTRY = struct.Struct("<I"), 8
_FIELDS = {
    "version": (4, 2),
    "header bytes": (6, 2),
    "samples": (40, 4),
    "block size": (44, 4),
    "elements": (48, 4),
}
_PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010800000000"
    "3a7e9b550000000a49444154789c6360000000020001e527decc0000000049454e44ae426082"
)


@dataclass(frozen=True)
class Mutant:
    """Altered bytes, and how they came about."""

    data: bytes
    how: str


Mutation = Callable[[np.random.Generator, bytes, bytes], bytes]


def mutants(data: bytes, other: bytes, count: int, seed: int) -> Iterator[Mutant]:
    """``count`` mutants of a stream, some spliced with another one of the same codec.

    Half are sealed anew, so that what lies behind the checksum of all bytes is tried: of these, half with the
    header's checksum as well.
    """
    rng = np.random.default_rng(seed)
    names = list(MUTATIONS)
    for number in range(count):
        name = names[number % len(names)]
        seal = str(rng.choice(["as it is", "as it is", "sealed", "sealed with header"]))
        altered = _sealed(MUTATIONS[name](rng, data, other), seal)
        if altered == other != data:  # whole, and not damaged at all
            altered = other[:-1]
        yield Mutant(altered, f"mutant {number} of seed {seed}: {name}, {seal}")


def survive(coder: LatentCoder, identity: bytes, latents: Symbols, found: Iterator[Mutant]) -> Counter[str]:
    """Read every mutant; returns how many were ``refused``, and how many ``harmless``.

    Raises
    ------
    AssertionError
        One decoded to other latents, took too long, or raised anything but ``BitstreamError``; it says which.
    """
    outcomes: Counter[str] = Counter()
    for mutant in found:
        began = time.perf_counter()
        outcomes[_outcome(coder, identity, latents, mutant)] += 1
        seconds = time.perf_counter() - began
        if seconds > MOST_SECONDS:
            raise AssertionError(f"{mutant.how}: took {seconds:.1f} s")
    return outcomes


def _outcome(coder: LatentCoder, identity: bytes, latents: Symbols, mutant: Mutant) -> str:
    try:
        decoded = read_stream(coder, identity, mutant.data)
    except BitstreamError:
        return "refused"
    except BaseException as error:
        raise AssertionError(f"{mutant.how}: {type(error).__name__}: {error}") from error
    if decoded.shape != latents.shape or not np.array_equal(decoded, latents):
        raise AssertionError(f"{mutant.how}: decoded to other latents")
    return "harmless"


def _sealed(data: bytes, seal: str) -> bytes:
    if seal == "as it is" or len(data) < HEADER_BYTES + _CRC.size:
        return data
    if seal == "sealed with header":
        fields = data[: HEADER_BYTES - _CRC.size]
        data = fields + _CRC.pack(zlib.crc32(fields)) + data[HEADER_BYTES:]
    return data[: -_CRC.size] + _CRC.pack(zlib.crc32(data[: -_CRC.size]))


def _truncated(rng: np.random.Generator, data: bytes, other: bytes) -> bytes:
    return data[: int(rng.integers(len(data)))]


def _bits_flipped(rng: np.random.Generator, data: bytes, other: bytes) -> bytes:
    altered = bytearray(data)
    for place in rng.integers(len(data), size=int(rng.choice([1, 1, 2, 8]))):
        altered[place] ^= 1 << int(rng.integers(8))
    return bytes(altered)


def _payload_bits_flipped(rng: np.random.Generator, data: bytes, other: bytes) -> bytes:
    begin = HEADER_BYTES + _ENTRY * len(parse(data).blocks)
    return data[:begin] + (_bits_flipped(rng, data[begin:], other) if len(data) > begin else b"")


def _payload_replaced(rng: np.random.Generator, data: bytes, other: bytes) -> bytes:
    begin, end = HEADER_BYTES + _ENTRY * len(parse(data).blocks), len(data) - _CRC.size
    return data[:begin] + _noise(rng, end - begin) + data[end:]


def _boundary_moved(rng: np.random.Generator, data: bytes, other: bytes) -> bytes:
    """Bytes at the end of one block are told to be the beginning of the next."""
    blocks = parse(data).blocks
    if len(blocks) < 2:
        return data
    number = int(rng.integers(len(blocks) - 1))
    lengths = [block.payload.stop - block.payload.start for block in blocks[number : number + 2]]
    moved = int(rng.integers(lengths[0] + 1))
    altered, place = bytearray(data), HEADER_BYTES + _ENTRY * number
    _CRC.pack_into(altered, place, lengths[0] - moved)
    _CRC.pack_into(altered, place + _ENTRY, lengths[1] + moved)
    return bytes(altered)


def _run_overwritten(rng: np.random.Generator, data: bytes, other: bytes) -> bytes:
    begin, end = _run(rng, data)
    return data[:begin] + _noise(rng, end - begin) + data[end:]


def _noise(rng: np.random.Generator, size: int) -> bytes:
    return [bytes(size), b"\xff" * size, rng.bytes(size)][int(rng.integers(3))]


def _run_deleted(rng: np.random.Generator, data: bytes, other: bytes) -> bytes:
    begin, end = _run(rng, data)
    return data[:begin] + data[end:]


def _run_inserted(rng: np.random.Generator, data: bytes, other: bytes) -> bytes:
    begin, end = _run(rng, data)
    run = data[begin:end] if rng.random() < 0.5 else rng.bytes(end - begin)
    return data[:end] + run + data[end:]


def _run(rng: np.random.Generator, data: bytes) -> tuple[int, int]:
    begin = int(rng.integers(len(data)))
    return begin, min(len(data), begin + int(rng.choice([1, 2, 4, 16, 64])))


def _field_altered(rng: np.random.Generator, data: bytes, other: bytes) -> bytes:
    place, size = list(_FIELDS.values())[int(rng.integers(len(_FIELDS)))]
    return _number_altered(rng, data, place, size)


def _index_altered(rng: np.random.Generator, data: bytes, other: bytes) -> bytes:
    blocks = len(parse(data).blocks)
    return _number_altered(rng, data, HEADER_BYTES + 4 * int(rng.integers(2 * max(1, blocks))), 4)


def _number_altered(rng: np.random.Generator, data: bytes, place: int, size: int) -> bytes:
    now, top = int.from_bytes(data[place : place + size], "little"), 1 << (8 * size)
    values = [0, 1, now - 1, now + 1, 2 * now, now // 2, now + 256, top - 1, top // 2, top >> 5, top >> 12]
    value = [*values, int(rng.integers(top))][int(rng.integers(len(values) + 1))] % top
    return data[:place] + value.to_bytes(size, "little") + data[place + size :]


def _identity_altered(rng: np.random.Generator, data: bytes, other: bytes) -> bytes:
    place = 8 + int(rng.integers(32))
    return data[:place] + rng.bytes(1) + data[place + 1 :]


def _blocks_rearranged(rng: np.random.Generator, data: bytes, other: bytes) -> bytes:
    """Blocks of both streams, each with its index entry, its payload, or both taken from elsewhere."""
    own, both = _blocks(data), [*_blocks(data), *_blocks(other)]
    if not both:
        return data
    entries, payloads = (np.arange(len(own)) for _ in range(2))
    for _ in range(int(rng.integers(1, 3))):
        place, source = int(rng.integers(max(1, len(own)))), int(rng.integers(len(both)))
        for taken, chance in ((entries, 0.8), (payloads, 0.8)):
            if rng.random() < chance and place < len(own):
                taken[place] = source
    index = b"".join(both[i][0] for i in entries)
    return data[:HEADER_BYTES] + index + b"".join(both[i][1] for i in payloads) + data[-_CRC.size :]


def _blocks_swapped(rng: np.random.Generator, data: bytes, other: bytes) -> bytes:
    blocks = _blocks(data)
    rng.shuffle(blocks)
    index, payloads = (b"".join(block[part] for block in blocks) for part in (0, 1))
    return data[:HEADER_BYTES] + index + payloads + data[-_CRC.size :]


def _blocks(data: bytes) -> list[tuple[bytes, bytes]]:
    blocks = parse(data).blocks
    places = [HEADER_BYTES + _ENTRY * number for number in range(len(blocks))]
    return [(data[p : p + _ENTRY], data[b.payload]) for p, b in zip(places, blocks, strict=True)]


def _spliced(rng: np.random.Generator, data: bytes, other: bytes) -> bytes:
    place = int(rng.integers(min(len(data), len(other))))
    return data[:place] + other[place:] if rng.random() < 0.5 else data + other


def _foreign(rng: np.random.Generator, data: bytes, other: bytes) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("stream.bin", data)
    noise = rng.bytes(int(rng.integers(200)))
    kinds = [b"", _PNG, archive.getvalue(), noise, MAGIC + noise, data[:HEADER_BYTES] + noise, bytes(300)]
    return kinds[int(rng.integers(len(kinds)))]


def _newer(rng: np.random.Generator, data: bytes, other: bytes) -> bytes:
    version = int(rng.integers(VERSION + 1, 1 << 16))
    return data[:4] + version.to_bytes(2, "little") + data[6:] + rng.bytes(int(rng.integers(20)))


MUTATIONS: dict[str, Mutation] = {
    "truncated": _truncated,
    "bits flipped": _bits_flipped,
    "bits of the payload flipped": _payload_bits_flipped,
    "the payload replaced": _payload_replaced,
    "a boundary moved": _boundary_moved,
    "a run overwritten": _run_overwritten,
    "a run deleted": _run_deleted,
    "a run inserted": _run_inserted,
    "a field of the header altered": _field_altered,
    "the index altered": _index_altered,
    "the identity altered": _identity_altered,
    "blocks swapped": _blocks_swapped,
    "blocks rearranged": _blocks_rearranged,
    "two streams spliced": _spliced,
    "a foreign file": _foreign,
    "a newer version": _newer,
}
