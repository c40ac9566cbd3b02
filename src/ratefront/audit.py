"""Coded files of any system, counted, and held against the oracle of the very samples that were decoded from them.

NumPy, SciPy and the bounds are all this needs: who checks a claim need not have what made it.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ratefront.bounds import Predictions, below_oracle, oracle_rate_bits, upper_error_rate
from ratefront.container import MAGIC, parse
from ratefront.errors import BitstreamError, InputError

#: What the decoded classes are called, by others and in a trial's own ``samples.npz``.
_DECODED = ("predicted", "decoded")


@dataclass(frozen=True)
class CodedFile:
    """Bytes of one file. ``samples`` is what a ratefront stream says of itself; None of any other file."""

    payload_bytes: int
    bytes: int
    samples: int | None = None


@dataclass(frozen=True)
class Claim:
    """A figure as somebody has written it, and half a unit of its last digit."""

    value: float
    rounding: float

    @classmethod
    def parse(cls, text: str) -> Self:
        """
        Raises
        ------
        InputError
            No number of at least 0.
        """
        try:
            number = Decimal(text)
        except InvalidOperation:
            number = Decimal("nan")
        exponent = number.as_tuple().exponent
        if not isinstance(exponent, int) or number < 0:
            raise InputError(f"a claimed figure is a number of at least 0, got {text!r}")
        return cls(float(number), 0.5 * 10.0**exponent)


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

    Raises
    ------
    InputError
        A file is missing or cannot be read, or samples and streams do not fit together.
    """
    files = coded_files(streams)
    decisions = load_decisions(decoded, classes)
    _check_samples(files, decisions.samples, streams)
    judged = _judged(files, decisions, random)
    claims = _overclaimed("rate", claimed_rate, judged["rate_bits"], -1)
    claims += _overclaimed("accuracy", claimed_accuracy, judged["accuracy"], 1)
    return Audit(**judged, overclaimed=claims)


def coded_files(streams: Path) -> list[CodedFile]:
    """Every file at or below ``streams``, in order of their names. A ratefront stream is split into payload and
    overhead, any other file counts whole.

    Raises
    ------
    InputError
        There is none, or one begins as a ratefront stream and is damaged.
    """
    if not streams.exists():
        raise InputError(f"{streams}: there is no such file or folder")
    paths = sorted(p for p in streams.rglob("*") if p.is_file()) if streams.is_dir() else [streams]
    if not paths:
        raise InputError(f"{streams}: the folder holds no files")
    return [_coded_file(path) for path in paths]


def _coded_file(path: Path) -> CodedFile:
    with path.open("rb") as file:
        if file.read(len(MAGIC)) != MAGIC:
            size = path.stat().st_size
            return CodedFile(size, size)
    data = path.read_bytes()
    try:
        layout = parse(data)
    except BitstreamError as error:
        raise InputError(f"{path}: begins as a ratefront stream does, but {error}") from error
    return CodedFile(layout.payload_bytes, len(data), layout.header.samples)


def load_decisions(path: Path, classes: int | None) -> Predictions:
    """Labels (N,) and decoded classes (N,) of an npz file.

    Raises
    ------
    InputError
        It cannot be read, lacks an array, or they do not fit.
    """
    arrays = _arrays(path)
    named = next((name for name in _DECODED if name in arrays), None)
    if named is None or "labels" not in arrays:
        raise InputError(
            f"{path}: needs the arrays labels (N,) and predicted (N,); found: {', '.join(arrays) or 'none'}"
        )
    try:
        return Predictions.from_decisions(arrays["labels"], arrays[named], classes)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _arrays(path: Path) -> dict[str, NDArray[Any]]:
    try:
        path.stat()
        if not zipfile.is_zipfile(path):
            raise InputError(f"{path}: is no npz file (numpy.savez writes one)")
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files if name in ("labels", *_DECODED)}
    except (OSError, EOFError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{path}: cannot be read: {reason}") from error


def _check_samples(files: Sequence[CodedFile], samples: int, streams: Path) -> None:
    told = [file.samples for file in files if file.samples is not None]
    if sum(told) > samples or (len(told) == len(files) and sum(told) != samples):
        raise InputError(
            f"{streams}: its ratefront streams hold {sum(told)} samples, but {samples} were decoded"
        )


def _judged(files: Sequence[CodedFile], decisions: Predictions, random: bool) -> dict[str, Any]:
    labels, decoded, classes = decisions.labels, decisions.predicted, decisions.classes
    samples, errors = decisions.samples, int(np.count_nonzero(labels != decoded))
    payload, total = sum(file.payload_bytes for file in files), sum(file.bytes for file in files)
    rate, distortion = 8 * payload / samples, errors / samples
    tested = upper_error_rate(errors, samples) if random else distortion
    oracle, oracle_tested = (float(oracle_rate_bits(decisions.label_prior, d)) for d in (distortion, tested))
    alone = [8 * file.payload_bytes for file in files] if len(files) == samples else None
    return {
        "samples": samples,
        "classes": classes,
        "files": len(files),
        "ratefront_streams": sum(file.samples is not None for file in files),
        "payload_bytes": payload,
        "bytes": total,
        "rate_bits": rate,
        "rate_total_bits": 8 * total / samples,
        "rate_bits_alone": None if alone is None else rate,
        "bits_alone_least": None if alone is None else min(alone),
        "bits_alone_most": None if alone is None else max(alone),
        "accuracy": 1 - distortion,
        "oracle_bits": oracle,
        "gap_bits": rate - oracle,
        "test": "clopper_pearson" if random else "exact",
        "accuracy_tested": 1 - tested,
        "oracle_bits_tested": oracle_tested,
        "missing_bits": below_oracle(labels, decoded, rate, classes, draws_or_uses_position=random),
    }


def _overclaimed(name: str, claim: Claim | None, measured: float, better: int) -> tuple[str, ...]:
    if claim is None or better * (claim.value - measured) <= claim.rounding + 1e-9:
        return ()
    return (f"{name}: claimed {claim.value:g}, measured {measured:.6g}",)
