"""Damaged streams: each must raise ``BitstreamError``, or decode to the latents that were coded.

``mutants`` makes them, the same ones for the same seed; ``assert_refused_or_harmless`` reads them with a codec.
"""

from __future__ import annotations

import struct
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ratefront.bitstream.coded_stream import read_stream
from ratefront.bitstream.container import HEADER_BYTES
from ratefront.bitstream.entropy_coder import Symbols
from ratefront.bitstream.latent_coder import LatentCoder
from ratefront.errors import BitstreamError
from ratefront.testing.stream_mutations import MUTATIONS

#: The longest time that reading one mutant may take: a file that is no stream must not keep a receiver busy.
MAX_SECONDS = 2.0

_CRC = struct.Struct("<I")


@dataclass(frozen=True)
class Mutant:
    """Altered bytes, and a description of how they were altered."""

    data: bytes
    how: str


def mutants(data: bytes, other: bytes, count: int, seed: int) -> Iterator[Mutant]:
    """Make ``count`` mutants of a stream, some of them spliced with another stream of the same codec.

    Half get a valid checksum of all bytes, so that the reader goes on to what the checksum protects. Half of these get
    a valid checksum of the header as well.
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


def assert_refused_or_harmless(
    coder: LatentCoder, identity: bytes, latents: Symbols, damaged: Iterator[Mutant]
) -> Counter[str]:
    """Read every mutant.

    Returns:
        How many were ``refused`` (a ``BitstreamError``), and how many ``harmless`` (the same latents).

    Raises:
        AssertionError: A mutant decoded to other latents, took too long, or raised another error; the message
            says which mutant.
    """
    outcomes: Counter[str] = Counter()
    for mutant in damaged:
        began = time.perf_counter()
        outcomes[_outcome(coder, identity, latents, mutant)] += 1
        seconds = time.perf_counter() - began
        if seconds > MAX_SECONDS:
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
