"""The verdict: what was counted, held against the oracle and against what was claimed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ratefront.audit.claim import Claim
from ratefront.audit.coded_files import CodedFile, check_samples, coded_files, load_decisions
from ratefront.bitstream.rate_bits import bits_of, bits_per_sample
from ratefront.bounds import Predictions, below_oracle, oracle_rate_bits, upper_error_rate


@dataclass(frozen=True)
class Audit:
    """What was counted and measured, all rates in bit/sample.

    ``rate_bits_alone``, with the least and the most bits of a sample, only where each sample has a file of its own.
    ``oracle_bits`` is the oracle's rate at the measured accuracy for the labels' own counts, ``gap_bits`` how far the
    rate is above it. ``test`` says how it was tried whether the point is possible: ``exact``, or ``clopper_pearson``,
    at ``accuracy_tested``, where the oracle has ``oracle_bits_tested``; ``missing_bits`` is how far the rate is below
    that, None where it is not. ``overclaimed`` has a line for each claimed figure that is better than the measured.
    """

    samples: int
    classes: int
    files: int
    ratefront_streams: int
    payload_bytes: int
    bytes: int
    rate_bits: float
    rate_total_bits: float
    rate_bits_alone: float | None
    bits_alone_least: int | None
    bits_alone_most: int | None
    accuracy: float
    oracle_bits: float
    gap_bits: float
    test: str
    accuracy_tested: float
    oracle_bits_tested: float
    missing_bits: float | None
    overclaimed: tuple[str, ...]

    @property
    def possible(self) -> bool:
        """Whether a codec can have this rate and this accuracy."""
        return self.missing_bits is None

    @property
    def holds(self) -> bool:
        """Whether it is possible, and no figure is better than it was measured."""
        return self.possible and not self.overclaimed

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        return {**asdict(self), "possible": self.possible, "holds": self.holds}


def audit(
    streams: Path,
    decoded: Path,
    *,
    classes: int | None = None,
    random: bool = False,
    claimed_rate: Claim | None = None,
    claimed_accuracy: Claim | None = None,
) -> Audit:
    """Count ``streams`` (a file, or a folder of files) and judge what was decoded from them (an npz).

    ``random`` is for codecs that draw, or use a sample's position: their accuracy is tested at its one-sided
    99.9 % limit. ``classes`` defaults to one more than the largest label or class.

    Raises:
        InputError: A file is missing or cannot be read, or samples and streams do not fit together.
    """
    files = coded_files(streams)
    decisions = load_decisions(decoded, classes)
    check_samples(files, decisions.samples, streams)
    judged = _judged(files, decisions, random)
    claims = _overclaimed("rate", claimed_rate, judged.rate_bits, -1)
    claims += _overclaimed("accuracy", claimed_accuracy, judged.accuracy, 1)
    return replace(judged, overclaimed=claims)


def _judged(files: Sequence[CodedFile], decisions: Predictions, random: bool) -> Audit:
    """Without what is claimed of them."""
    labels, decoded, classes = decisions.labels, decisions.predicted, decisions.classes
    samples, errors = decisions.samples, int(np.count_nonzero(labels != decoded))
    payload, total = sum(file.payload_bytes for file in files), sum(file.bytes for file in files)
    rate, distortion = bits_per_sample(payload, samples), errors / samples
    tested = upper_error_rate(errors, samples) if random else distortion
    oracle, oracle_tested = (float(oracle_rate_bits(decisions.label_prior, d)) for d in (distortion, tested))
    alone = [bits_of(file.payload_bytes) for file in files] if len(files) == samples else None
    return Audit(
        samples=samples,
        classes=classes,
        files=len(files),
        ratefront_streams=sum(file.samples is not None for file in files),
        payload_bytes=payload,
        bytes=total,
        rate_bits=rate,
        rate_total_bits=bits_per_sample(total, samples),
        rate_bits_alone=None if alone is None else rate,
        bits_alone_least=None if alone is None else min(alone),
        bits_alone_most=None if alone is None else max(alone),
        accuracy=1 - distortion,
        oracle_bits=oracle,
        gap_bits=rate - oracle,
        test="clopper_pearson" if random else "exact",
        accuracy_tested=1 - tested,
        oracle_bits_tested=oracle_tested,
        missing_bits=below_oracle(labels, decoded, rate, classes, draws_or_uses_position=random),
        overclaimed=(),
    )


def _overclaimed(name: str, claim: Claim | None, measured: float, better: int) -> tuple[str, ...]:
    if claim is None or better * (claim.value - measured) <= claim.rounding + 1e-9:
        return ()
    return (f"{name}: claimed {claim.value:g}, measured {measured:.6g}",)
