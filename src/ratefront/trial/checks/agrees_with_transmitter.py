"""The receiver's classes beside those that the trial's own process tells from the same latents: a checksum says that
both have the same latents, not that their networks make the same of them.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ratefront.bitstream.entropy_coder import Symbols
from ratefront.codecs.contract import Codec
from ratefront.tasks.float_rounding import ROUNDING_TOLERANCE, without_tf32
from ratefront.trial.checks.score_ties import RankedClasses, count_ties
from ratefront.trial.evaluate import CodedSplit


def check_receiver(codec: Codec, coded: CodedSplit, decoded: NDArray[np.int64], name: str) -> None:
    """Compare them on the latents that were kept, computed here in smaller batches; a codec without scores has none.

    Raises:
        DisagreementError: A sample is decoded to another class, whose score does not tie within rounding.
    """
    with without_tf32(codec.device):
        scores = [codec.class_scores(latents, first) for first, latents in _parts(coded)]
    ranked = [RankedClasses.of(of_part) for of_part in scores if of_part is not None]
    if ranked:
        positions = np.concatenate([first + np.arange(len(latents)) for first, latents in _parts(coded)])
        count_ties(
            RankedClasses.joined(ranked),
            decoded[positions],
            lambda classes: classes,
            2 * ROUNDING_TOLERANCE,
            f"{name}: the receiver's classes are not those of the same latents in the trial's own process",
        )


def _parts(coded: CodedSplit) -> Iterator[tuple[int, Symbols]]:
    """Unevenly halved, so that no sample has the neighbours that it had at the receiver."""
    for first, latents in coded.kept:
        cut = (len(latents) * 3 + 4) // 5
        yield first, latents[:cut]
        if cut < len(latents):
            yield first + cut, latents[cut:]
