"""The coder's tables and order, as plain data from which a program in any language decodes a string.

The coder is constriction's range coder with words of 32 bit, a state of 64 bit, and probabilities of 24 bit. It makes
these of the frequencies of 16 bit by a rule of its own. The rule is applied here, and every number is compared with
what the coder itself does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import constriction
import numpy as np
from numpy.typing import NDArray

from ratefront.bitstream.frequency_table import FrequencyTable
from ratefront.codecs.codec_interface import Codec
from ratefront.codecs.label.label_codec import LabelCodec
from ratefront.errors import BitstreamError

PRECISION_BITS = 24
_WORD_BITS, _STATE_BITS = 32, 64
_FIRST_STEP = (
    (1 << _STATE_BITS) - 1
) >> PRECISION_BITS  # of a new decoder: what one unit of probability is worth

ORDER = (
    "The symbols of a block are coded table by table; under each table sample by sample; of each sample the elements "
    "that have this table, in rising order."
)
_SENT = "floor((i + 1) * share) > floor(i * share) in float64; i counts the samples of a file from 0"


def coder_description(codec: Codec) -> dict[str, Any]:
    """Describe how strings become the latents (n, elements) of a codec that ``halves_of`` takes.

    Returns:
        Plain data: for each table the latent of each symbol and the cumulative probabilities in units of 2^-24, the
        table of each element, and the schedule by which samples are left out, or None.

    Raises:
        BitstreamError: The coder on this machine works by another rule.
    """
    tables = list(codec.transmitter_tables())
    return {
        "coder": "range coder (constriction's queue)",
        "word_bits": _WORD_BITS,
        "state_bits": _STATE_BITS,
        "precision_bits": PRECISION_BITS,
        "order": ORDER,
        "elements": codec.elements,
        "table_of_element": np.repeat(np.arange(len(tables)), (codec.elements or 1) // len(tables)).tolist(),
        "tables": [
            {"latents": latents, "cumulative": cumulative_probabilities(table).tolist()}
            for latents, table in zip(_latents_of_symbols(codec, tables), tables, strict=True)
        ],
        "schedule": _schedule(codec),
    }


def cumulative_probabilities(table: FrequencyTable) -> NDArray[np.int64]:
    """Return the cumulative probabilities (symbols + 1,), from 0 to 2^24, by which the coder codes under a table.

    Raises:
        BitstreamError: The coder decodes a number beside one of them to another symbol.
    """
    symbols, total = len(table), 1 << PRECISION_BITS
    if symbols == 1:  # costs no bits: the coder is not asked
        return np.array([0, total])
    below = (np.cumsum(table.counts) - table.counts) / table.counts.sum()
    spread = (below.astype(np.float32) * np.float32(total - symbols)).astype(np.int64)
    cumulative = np.append(spread + np.arange(symbols), total)
    for symbol, first in enumerate(cumulative[:-1].tolist()):
        if _symbol_at(table, first) != symbol or (symbol and _symbol_at(table, first - 1) != symbol - 1):
            raise BitstreamError(
                "this version of constriction makes other probabilities of a table than is known here"
            )
    return cumulative


def _symbol_at(table: FrequencyTable, quantile: int) -> int:
    """The symbol that the coder decodes where a string points at this cumulative probability."""
    point = quantile * _FIRST_STEP
    words = np.array([point >> _WORD_BITS, point & ((1 << _WORD_BITS) - 1)], dtype=np.uint32)
    return int(constriction.stream.queue.RangeDecoder(words).decode(table.model, 1)[0])


def _latents_of_symbols(codec: Codec, tables: Sequence[FrequencyTable]) -> list[list[int]]:
    if isinstance(codec, LabelCodec):
        return [codec.counts.nonzero().flatten().tolist()]
    return [list(range(table.offset, table.last + 1)) for table in tables]


def _schedule(codec: Codec) -> dict[str, Any] | None:
    """Which samples are sent, and the latent of the others; None where all are."""
    if not isinstance(codec, LabelCodec) or not codec.uses_position:
        return None
    return {"share": codec.share, "sent": _SENT, "otherwise": int(codec.counts.argmax())}


def scheduled(latents: NDArray[np.int32], schedule: dict[str, Any] | None, first: int) -> NDArray[np.int32]:
    """Return latents (n, elements) with the latent of samples that are not sent in their places.

    Args:
        latents: What the transmitter's network gives.
        schedule: As ``coder_description`` gives it.
        first: The position of the first sample in the file.
    """
    if schedule is None:
        return latents
    due = np.floor(np.arange(first, first + len(latents) + 1, dtype=np.float64) * schedule["share"])
    return np.where(np.diff(due)[:, None] > 0, latents, np.int32(schedule["otherwise"]))
