"""Checks that the receiver's classes are those that the trial's own process computes from the same latents.

A checksum says that both processes have the same latents. It does not say that their networks decide alike.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ratefront.bitstream.entropy_coder import Symbols
from ratefront.codecs.codec_interface import Codec
from ratefront.task_models.float_rounding import ROUNDING_TOLERANCE, without_tf32
from ratefront.trial.checks.score_ties import RankedClasses, count_ties
from ratefront.trial.evaluate import CodedSplit


def check_receiver(codec: Codec, coded: CodedSplit, decoded: NDArray[np.int64], name: str) -> None:
    """Compare the classes of the rechecked latents, computed here in smaller batches; a codec without scores passes.

    Raises:
        DisagreementError: A sample is decoded to another class, whose score does not tie within rounding.
    """
    with without_tf32(codec.device):
        scores = [codec.class_scores(latents, first) for first, latents in _unequal_halves(coded)]
    ranked = [RankedClasses.from_scores(part) for part in scores if part is not None]
    if ranked:
        positions = np.concatenate(
            [first + np.arange(len(latents)) for first, latents in _unequal_halves(coded)]
        )
        count_ties(
            RankedClasses.concatenated(ranked),
            decoded[positions],
            lambda classes: classes,
            2 * ROUNDING_TOLERANCE,
            f"{name}: the receiver's classes are not those of the same latents in the trial's own process",
        )


def _unequal_halves(coded: CodedSplit) -> Iterator[tuple[int, Symbols]]:
    """Divide each block in two unequal parts, so that no sample has the batch that it had at the receiver."""
    for first, latents in coded.rechecked:
        cut = (len(latents) * 3 + 4) // 5
        yield first, latents[:cut]
        if cut < len(latents):
            yield first + cut, latents[cut:]
