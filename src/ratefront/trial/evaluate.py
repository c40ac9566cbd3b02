"""What a trained codec achieves: a split is coded to a file, decoded by another process, and counted in bytes."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ratefront.bitstream.coded_stream import CodedStream, StreamWriter
from ratefront.bitstream.entropy_coder import Symbols
from ratefront.bitstream.rate_bits import bits_alone
from ratefront.bounds import below_oracle
from ratefront.codecs.codec_interface import Codec
from ratefront.data.dataset import Split
from ratefront.errors import OracleViolationError
from ratefront.spec.sweep_spec import Metric
from ratefront.trial.decoded_metrics import finite_log_loss, metric_values
from ratefront.trial.receiver import Decoded
from ratefront.trial_records import Measurement

_RECHECKED_SAMPLES = 256  # of a split: the latents that the check against the receiver uses


@dataclass(frozen=True)
class CodedSplit:
    """One split as the transmitter has coded it.

    Attributes:
        split: The samples and their labels.
        stream: The coded samples.
        estimated_bits: Mean bits of a sample under the entropy model, computed without the coder.
        bits_alone: (N,), the bits of each sample as a string of its own.
        encode_ms: Wall time per sample: networks, refinement, and the coder with its check that the string decodes.
        rechecked: Of each block, the position of its first sample and the latents of its first few samples.
    """

    split: Split
    stream: CodedStream
    estimated_bits: float
    bits_alone: NDArray[np.int64]
    encode_ms: float
    rechecked: Sequence[tuple[int, Symbols]] = ()


def encode_split(codec: Codec, identity: bytes, split: Split, block_size: int, path: Path) -> CodedSplit:
    """Code a split in blocks and write the stream to ``path``; no more than one block's samples are in memory."""
    writer = StreamWriter(codec, identity, len(split), block_size)
    seconds, estimated, alone = 0.0, 0.0, []
    rechecked = []
    for first, count in writer.spans:
        images = torch.from_numpy(split.images[first : first + count])
        began = time.perf_counter()
        latents = codec.analyse(images, first)
        writer.add(latents, first)
        seconds += time.perf_counter() - began
        estimated += float(codec.estimate_bits(latents, first).sum())
        alone.append(bits_alone(codec, _latents_alone(codec, images, latents, first), first))
        rechecked.append((first, latents[: math.ceil(_RECHECKED_SAMPLES * count / len(split))].copy()))
    stream = writer.stream()
    path.write_bytes(stream.data)
    encode_ms = 1000 * seconds / len(split)
    return CodedSplit(split, stream, estimated / len(split), np.concatenate(alone), encode_ms, rechecked)


def _latents_alone(codec: Codec, images: Tensor, latents: Symbols, first: int) -> Symbols:
    return codec.analyse_alone(images, first) if codec.draws_jointly else latents


def measure(
    codec: Codec, coded: CodedSplit, decoded: Decoded, classes: int, metrics: Sequence[Metric], name: str
) -> Measurement:
    """Measure the split ``name``: rates from the bytes written, accuracy and metrics from what the receiver decoded.

    Raises:
        OracleViolationError: The point lies below the oracle of the split's own label counts.
        DivergedError, MetricError: As ``finite_log_loss`` and ``metric_values``.
    """
    labels = coded.split.labels
    measured = Measurement(
        samples=len(coded.split),
        rate_bits=coded.stream.rate_bits,
        rate_bits_estimated=coded.estimated_bits,
        rate_bits_alone=float(coded.bits_alone.mean()),
        overhead_bits=coded.stream.overhead_bits,
        rate_total_bits=coded.stream.rate_bits + coded.stream.overhead_bits,
        accuracy=float((decoded.classes == labels).mean()),
        log_loss_bits=finite_log_loss(labels, decoded, name),
        metrics=metric_values(metrics, labels, decoded, name),
    )
    _check_oracle(codec, measured, decoded.classes, coded.split, classes)
    return measured


def _check_oracle(
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
    """Say why a codec counts as collapsed, or return an empty string.

    It has collapsed where its accuracy is not above the majority class by two standard deviations.
    """
    majority = float(np.bincount(labels).max() / len(labels))
    threshold = majority + 2 * float(np.sqrt(majority * (1 - majority) / len(labels)))
    if measured.accuracy > threshold:
        return ""
    return (
        f"validation accuracy {measured.accuracy:.4f} is not above the majority class by 2σ ({threshold:.4f}), "
        f"at {measured.rate_bits:.4g} bit/sample"
    )
