"""Two runs of one trial side by side: a line for each thing that differs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from hashlib import sha256
from pathlib import Path
from zipfile import BadZipFile
from zlib import error as BrokenZlib

import numpy as np
from numpy.typing import NDArray

from ratefront.records import Measurement, TrialResult
from ratefront.store.folder import TrialFolder


def missing_files(before: TrialFolder) -> Iterator[str]:
    """What of an earlier run is not there any more to be compared."""
    for path in (before.stream, before.samples):
        if not path.is_file():
            yield f"{path.name}: the first run's is gone"


def differing_files(before: TrialFolder, now: TrialFolder) -> Iterator[str]:
    """The coded test split by its bytes, and the classes that were decoded from it."""
    if before.stream.is_file():
        digests = [sha256(files.stream.read_bytes()).hexdigest() for files in (before, now)]
        if digests[0] != digests[1]:
            yield f"{now.stream.name}: sha256 {digests[0][:12]}… → {digests[1][:12]}…"
    if before.samples.is_file():
        yield from _differing_classes(before.samples, now.samples)


def _differing_classes(before: Path, now: Path) -> Iterator[str]:
    try:
        first, second = _decoded(before), _decoded(now)
    except (OSError, EOFError, ValueError, KeyError, BadZipFile, BrokenZlib) as error:
        yield f"{before.name}: cannot be read: {error}"
        return
    if first.shape != second.shape:
        yield f"{before.name}: {len(first)} decoded classes → {len(second)}"
    elif (first != second).any():
        yield f"{before.name}: {int((first != second).sum())} of {len(first)} decoded classes differ"


def _decoded(samples: Path) -> NDArray[np.int64]:
    with np.load(samples, allow_pickle=False) as arrays:
        decoded: NDArray[np.int64] = arrays["decoded"]
        return decoded


def differing_figures(before: TrialResult, now: TrialResult) -> Iterator[str]:
    """Rates, accuracies, log losses and metrics of both splits, the transmitter's size, the status; no times."""
    for name in ("status", "transmitter_bytes", "transmitter_macs"):
        yield from _differing(name, getattr(before, name), getattr(now, name))
    for split in ("validation", "test"):
        yield from _differing_measurements(split, getattr(before, split), getattr(now, split))


def _differing_measurements(split: str, before: Measurement, now: Measurement) -> Iterator[str]:
    """Metrics each by its own name."""
    for name in (item.name for item in fields(Measurement) if item.name != "metrics"):
        yield from _differing(f"{split} {name}", getattr(before, name), getattr(now, name))
    for name in dict.fromkeys((*before.metrics, *now.metrics)):
        yield from _differing(f"{split} {name}", before.metrics.get(name), now.metrics.get(name))


def _differing(name: str, before: object, now: object) -> Iterator[str]:
    if before != now:
        yield f"{name}: {before} → {now}"
