"""What a trained codec achieves: coded to files, decoded by another process, counted in bytes."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ratefront.bitstream import CodedStream, bits_alone, joined, write_stream
from ratefront.bounds import below_oracle
from ratefront.codecs.contract import Codec
from ratefront.data.splits import Split
from ratefront.entropy_coder import Symbols
from ratefront.errors import OracleViolationError
from ratefront.records import Measurement


@dataclass(frozen=True)
class CodedSplit:
    """One split as the transmitter left it.

    ``encode_ms`` is wall time per sample: networks, refinement, and the coder with its check that it decodes.
    """

    split: Split
    block_size: int
    latents: Symbols
    stream: CodedStream
    bits_alone: NDArray[np.int64]
    encode_ms: float


def encode_split(codec: Codec, identity: bytes, split: Split, block_size: int, path: Path) -> CodedSplit:
    """Encode a split in blocks and write it to ``path``."""
    began = time.perf_counter()
    latents = _analysed(codec.analyse, split, block_size)
    stream = write_stream(codec, identity, latents, block_size)
    encode_ms = 1000 * (time.perf_counter() - began) / len(split)
    path.write_bytes(stream.data)
    alone = _analysed(codec.analyse_alone, split, block_size) if codec.draws_jointly else latents
    return CodedSplit(split, block_size, latents, stream, bits_alone(codec, alone), encode_ms)


def _analysed(analyse: Callable[[Tensor, int], Symbols], split: Split, block_size: int) -> Symbols:
    """Block by block: what is drawn jointly is drawn within a block, and no more images than its are in memory."""
    starts = range(0, len(split), block_size)
    return joined([analyse(torch.from_numpy(split.images[i : i + block_size]), i) for i in starts])


def _estimated_bits(codec: Codec, coded: CodedSplit) -> float:
    """Mean estimate of a sample, block by block."""
    size = coded.block_size
    starts = range(0, len(coded.split), size)
    return float(torch.cat([codec.estimate_bits(coded.latents[i : i + size], i) for i in starts]).mean())


def measure(codec: Codec, coded: CodedSplit, decoded: NDArray[np.int64], classes: int) -> Measurement:
    """Rates and accuracy of a split from what was written and what the receiver decoded.

    Raises
    ------
    OracleViolationError
        The point lies below the oracle of the split's own label counts.
    """
    measured = Measurement(
        samples=len(coded.split),
        rate_bits=coded.stream.rate_bits,
        rate_bits_estimated=_estimated_bits(codec, coded),
        rate_bits_alone=float(coded.bits_alone.mean()),
        overhead_bits=coded.stream.overhead_bits,
        rate_total_bits=coded.stream.rate_bits + coded.stream.overhead_bits,
        accuracy=float((decoded == coded.split.labels).mean()),
    )
    _refuse_the_impossible(codec, measured, decoded, coded.split, classes)
    return measured


def _refuse_the_impossible(
    codec: Codec, measured: Measurement, decoded: NDArray[np.int64], split: Split, classes: int
) -> None:
    violation = below_oracle(
        split.labels, decoded, measured.rate_bits, classes, draws_or_uses_position=codec.uses_position
    )
    if violation is not None:
        raise OracleViolationError(
            f"{measured.rate_bits:.4f} bit at accuracy {measured.accuracy:.4f} lies {violation:.4f} bit below "
            "the oracle of the samples' own labels: a leak or a bug"
        )


def collapse_reason(measured: Measurement, labels: NDArray[np.int64]) -> str:
    """Why a codec counts as collapsed, or an empty string: not above the majority class by two standard deviations."""
    majority = float(np.bincount(labels).max() / len(labels))
    threshold = majority + 2 * float(np.sqrt(majority * (1 - majority) / len(labels)))
    if measured.accuracy > threshold:
        return ""
    return (
        f"validation accuracy {measured.accuracy:.4f} is not above the majority class by 2σ ({threshold:.4f})"
    )
