"""The one place where bytes become bits: bit/sample of coded files, and the bits of each sample coded alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ratefront.bitstream.latent_coder import LatentCoder, without_unused_columns

if TYPE_CHECKING:
    from ratefront.bitstream.entropy_coder import Symbols


def bytes_to_bits(size_bytes: int) -> int:
    """Return how many bits so many bytes are."""
    return 8 * size_bytes


def bits_per_sample(size_bytes: int, samples: int) -> float:
    """Return 8 · bytes / samples; of no samples, the bits of all bytes.

    Of payload bytes this is ``rate_bits``, of header, index and checksums ``overhead_bits``, of whole files
    ``rate_total_bits``.
    """
    return bytes_to_bits(size_bytes) / max(1, samples)


def bits_alone(coder: LatentCoder, latents: Symbols, first: int = 0) -> NDArray[np.int64]:
    """Count the bits (n,) of each sample as a string of its own; the first sample stands at position ``first``."""
    rows, inverse = latents, np.arange(len(latents), dtype=np.int64)
    if not coder.uses_position:  # equal latents have equal strings
        rows, row_numbers = np.unique(latents, axis=0, return_inverse=True)
        inverse = np.asarray(row_numbers, dtype=np.int64).reshape(-1)
    strings = [
        coder.encode(without_unused_columns(rows[i : i + 1], coder.elements), first + i)
        for i in range(len(rows))
    ]
    bits: NDArray[np.int64] = np.array([bytes_to_bits(len(string)) for string in strings], dtype=np.int64)
    return bits[inverse]
