"""Samples in memory to a stream and back: what a loaded codec says of each of them, and what each costs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ratefront.bitstream import CodedStream, check_block
from ratefront.codecs.storage import load_codec
from ratefront.container import parse
from ratefront.data.value_rules import check_values
from ratefront.errors import InputError
from ratefront.trial.coding import coded
from ratefront.trial.receiver import classes_in

_CLOUD_AXES = 3


@dataclass(frozen=True, eq=False)
class RoundTrip:
    """What came out of a stream, and what of it went into each sample; all (N,).

    A sample has an equal share of its block's string in ``payload_bytes``, and in ``bytes`` also an equal share of the
    rest of the stream: the sum of the one is the stream's payload, that of the other its size.
    """

    classes: NDArray[np.int64]
    bytes: NDArray[np.float64]
    payload_bytes: NDArray[np.float64]


class StoredCodec:
    """The codec of two files. For ``runs_modules`` and what is raised see ``load_codec``."""

    def __init__(self, config: Path, weights: Path, *, runs_modules: bool = False) -> None:
        self._codec, self._identity = load_codec(config, weights, runs_modules=runs_modules)

    def round_trip(self, samples: NDArray[np.float32], block_size: int) -> RoundTrip:
        """Code samples (N, C, H, W) in [0, 1], or (N, P, 3), as one stream, and tell the classes from its bytes.

        Raises
        ------
        InputError
            Values are no brightnesses or not finite, or there is no such block.
        BitstreamError
            The codec does not decode here what it encodes.
        """
        self._check(samples, block_size)
        stream = coded(self._codec, self._identity, samples, block_size)
        payload_bytes = _payload_shares(stream)
        other_bytes = len(stream.data) - sum(stream.payload_bytes)
        return RoundTrip(
            classes=classes_in(self._codec, self._identity, stream.data),
            bytes=payload_bytes + other_bytes / max(1, stream.samples),
            payload_bytes=payload_bytes,
        )

    def _check(self, samples: NDArray[np.float32], block_size: int) -> None:
        if block_size < 1:
            raise InputError(f"block_size: must be ≥ 1, got {block_size}")
        check_block(self._codec.elements, min(block_size, len(samples)))
        if len(samples):
            kind: Literal["images", "points"] = "points" if samples.ndim == _CLOUD_AXES else "images"
            check_values(samples, kind, "samples")


def _payload_shares(stream: CodedStream) -> NDArray[np.float64]:
    counts = np.array([count for _, count in parse(stream.data).header.spans], dtype=np.int64)
    return np.repeat(np.array(stream.payload_bytes, dtype=np.float64) / counts, counts)
