"""The verdict: what was counted, compared with the oracle and with what was claimed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ratefront.audit.claim import Claim
from ratefront.audit.coded_files import CodedFile, check_samples, coded_files, load_decisions
from ratefront.bitstream.rate_bits import bits_per_sample, bytes_to_bits
from ratefront.bounds import Predictions, below_oracle, oracle_rate_bits, upper_error_rate


@dataclass(frozen=True)
class Audit:
    """What was counted and measured; all rates in bit/sample.

    Attributes:
        samples: N.
        classes: K.
        files: number of coded files.
        ratefront_streams: how many of them are ratefront streams.
        payload_bytes: of all files.
        bytes: of all files, headers included.
        rate_bits: 8 * payload_bytes / N.
        rate_total_bits: 8 * bytes / N.
        rate_bits_alone: the rate where each sample has its own file; else None.
        bits_alone_least: the least bits of a sample; None unless each has its own file.
        bits_alone_most: the most bits of a sample; None unless each has its own file.
        accuracy: of the decoded classes.
        oracle_bits: the oracle's rate at that accuracy, for the label counts of these samples.
        gap_bits: rate_bits - oracle_bits.
        test: how it was tested whether the point is possible: "exact", or "clopper_pearson".
        accuracy_tested: the accuracy that the test used.
        oracle_bits_tested: the oracle's rate at the tested accuracy.
        missing_bits: how far the rate lies below that; None where it does not.
        overclaimed: a line for each claimed figure that is better than the measured one.
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
        """Whether it is possible, and every claimed figure was reached."""
        return self.possible and not self.overclaimed

    def to_json(self) -> dict[str, Any]:
        """Return plain data."""
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
    """Count coded files and judge what was decoded from them.

    Args:
        streams: a file, or a folder of files.
        decoded: an npz file with `labels` (N,) and `predicted` (N,).
        classes: K; by default one more than the greatest label or class.
        random: for codecs that draw at random or use a sample's position. Their accuracy is tested at its
            one-sided 99.9 % limit.
        claimed_rate: in bit/sample.
        claimed_accuracy: in [0, 1].

    Raises:
        InputError: a file is missing or cannot be read, or samples and streams do not fit together.
    """
    files = coded_files(streams)
    decisions = load_decisions(decoded, classes)
    check_samples(files, decisions.samples, streams)
    judged = _judged(files, decisions, random)
    claims = _overclaimed("rate", claimed_rate, judged.rate_bits, -1)
    claims += _overclaimed("accuracy", claimed_accuracy, judged.accuracy, 1)
    return replace(judged, overclaimed=claims)


def _judged(files: Sequence[CodedFile], decisions: Predictions, random: bool) -> Audit:
    """Return the audit without the claims."""
    labels, decoded, classes = decisions.labels, decisions.predicted, decisions.classes
    samples, errors = decisions.samples, int(np.count_nonzero(labels != decoded))
    payload, total = sum(file.payload_bytes for file in files), sum(file.bytes for file in files)
    rate, distortion = bits_per_sample(payload, samples), errors / samples
    tested = upper_error_rate(errors, samples) if random else distortion
    oracle, oracle_tested = (float(oracle_rate_bits(decisions.label_prior, d)) for d in (distortion, tested))
    alone = [bytes_to_bits(file.payload_bytes) for file in files] if len(files) == samples else None
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
