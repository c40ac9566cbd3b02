"""The ways in which ``damaged_streams`` damages a stream; they know the container's layout."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable

import numpy as np

from ratefront.bitstream.container import HEADER_BYTES, MAGIC, VERSION, parse

#: Takes a random generator, a stream and another stream of the same codec; returns the damaged stream.
Mutation = Callable[[np.random.Generator, bytes, bytes], bytes]

_LENGTH, _CRC_BYTES, _ENTRY = struct.Struct("<I"), 4, 8
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
    begin, end = HEADER_BYTES + _ENTRY * len(parse(data).blocks), len(data) - _CRC_BYTES
    return data[:begin] + _noise(rng, end - begin) + data[end:]


def _boundary_moved(rng: np.random.Generator, data: bytes, other: bytes) -> bytes:
    """The index says that the last bytes of one block are the first of the next."""
    blocks = parse(data).blocks
    if len(blocks) < 2:
        return data
    number = int(rng.integers(len(blocks) - 1))
    lengths = [block.payload.stop - block.payload.start for block in blocks[number : number + 2]]
    moved = int(rng.integers(lengths[0] + 1))
    altered, place = bytearray(data), HEADER_BYTES + _ENTRY * number
    _LENGTH.pack_into(altered, place, lengths[0] - moved)
    _LENGTH.pack_into(altered, place + _ENTRY, lengths[1] + moved)
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
    """Some blocks get the index entry, the payload, or both of another block of either stream."""
    blocks, both = _blocks(data), [*_blocks(data), *_blocks(other)]
    if not both:
        return data
    entries, payloads = (np.arange(len(blocks)) for _ in range(2))
    for _ in range(int(rng.integers(1, 3))):
        place, source = int(rng.integers(max(1, len(blocks)))), int(rng.integers(len(both)))
        for taken, chance in ((entries, 0.8), (payloads, 0.8)):
            if rng.random() < chance and place < len(blocks):
                taken[place] = source
    index = b"".join(both[i][0] for i in entries)
    return data[:HEADER_BYTES] + index + b"".join(both[i][1] for i in payloads) + data[-_CRC_BYTES:]


def _blocks_swapped(rng: np.random.Generator, data: bytes, other: bytes) -> bytes:
    blocks = _blocks(data)
    rng.shuffle(blocks)
    index, payloads = (b"".join(block[part] for block in blocks) for part in (0, 1))
    return data[:HEADER_BYTES] + index + payloads + data[-_CRC_BYTES:]


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
