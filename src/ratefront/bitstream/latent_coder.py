"""What a stream needs of a codec: latents are coded to a string, and a string is decoded to latents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from ratefront.bitstream.entropy_coder import Symbols

#: Fills the rows of ragged latents up to the longest row of their block.
FILLER = -1


class LatentCoder(Protocol):
    """A codec as the container sees it. Latents are integers (n, elements), in the order of the samples.

    ``first`` is the position of the first sample in the whole sequence. Only codecs that agree on a schedule use it,
    and these say so by ``uses_position``. Where samples differ in length, ``elements`` is None, and the rows of a
    block are filled up with ``FILLER`` to the longest one.
    """

    @property
    def elements(self) -> int | None:
        """Integers that stand for a sample; None where samples differ in length."""
        ...

    @property
    def uses_position(self) -> bool:
        """Whether a sample's string depends on the sample's position in the sequence."""
        ...

    def encode(self, latents: Symbols, first: int) -> bytes:
        """Code latents (n, elements) as one self-terminating string that decodes to them."""
        ...

    def decode(self, data: bytes, samples: int, first: int) -> Symbols:
        """Decode the latents (samples, elements) of a string."""
        ...


def without_unused_columns(latents: Symbols, elements: int | None) -> Symbols:
    """Return latents without the columns that hold nothing but filler; only ragged ones have such columns."""
    if elements is not None:
        return latents
    return latents[:, : int((latents != FILLER).sum(axis=1).max(initial=0))]


def concatenate_blocks(blocks: Sequence[Symbols]) -> Symbols:
    """Join the latents of several blocks, one after another; ragged ones are filled up to the longest row."""
    width = max((block.shape[1] for block in blocks), default=0)
    padded = [np.pad(b, ((0, 0), (0, width - b.shape[1])), constant_values=FILLER) for b in blocks]
    return np.concatenate(padded) if padded else np.zeros((0, width), dtype=np.int32)
