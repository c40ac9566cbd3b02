"""Compares two runs of one trial: one line for each thing that differs."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ratefront.array_files import UNREADABLE, open_npz, read_npz_array
from ratefront.columns import COSTS, columns_of_split
from ratefront.store.sweep_folder import TrialFolder
from ratefront.trial_records import STARTED_FROM_NEIGHBOUR, Measurement, TrialResult


def missing_files(before: TrialFolder) -> Iterator[str]:
    """Yield a line for each file of an earlier run that no longer exists, so that it cannot be compared."""
    for path in (before.stream, before.samples):
        if not path.is_file():
            yield f"{path.name}: the first run's is gone"


def differing_files(before: TrialFolder, now: TrialFolder) -> Iterator[str]:
    """Compare the coded test split by its bytes, and the classes that were decoded from it."""
    if before.stream.is_file():
        digests = [sha256(files.stream.read_bytes()).hexdigest() for files in (before, now)]
        if digests[0] != digests[1]:
            yield f"{now.stream.name}: sha256 {digests[0][:12]}… → {digests[1][:12]}…"
    if before.samples.is_file():
        yield from _differing_classes(before.samples, now.samples)


def _differing_classes(before: Path, now: Path) -> Iterator[str]:
    try:
        first, second = _decoded(before), _decoded(now)
    except (OSError, *UNREADABLE) as error:
        yield f"{before.name}: cannot be read: {error}"
        return
    if first.shape != second.shape:
        yield f"{before.name}: {len(first)} decoded classes → {len(second)}"
    elif (first != second).any():
        yield f"{before.name}: {int((first != second).sum())} of {len(first)} decoded classes differ"


def _decoded(samples: Path) -> NDArray[np.int64]:
    with open_npz(samples) as archive:
        decoded = read_npz_array(archive, "decoded")
    if decoded.ndim != 1 or decoded.dtype.kind not in "iu":
        raise ValueError(f"decoded must be whole numbers (N,), got {decoded.dtype} {decoded.shape}")
    return decoded


def differing_values(before: TrialResult, now: TrialResult) -> Iterator[str]:
    """Compare the status, what the codec costs, and what was measured on both splits; times are not compared."""
    yield from _differing("status", before.status, now.status)
    for cost in COSTS:
        if not cost.is_time:
            yield from _differing(cost.name, cost.value(before), cost.value(now))
    if STARTED_FROM_NEIGHBOUR in now.extra:
        started = before.extra.get(STARTED_FROM_NEIGHBOUR), now.extra[STARTED_FROM_NEIGHBOUR]
        yield from _differing(STARTED_FROM_NEIGHBOUR, *started)
    yield from _differing_measurements("validation", before.validation, now.validation)
    yield from _differing_measurements("test", before.test, now.test)


def _differing_measurements(split: str, before: Measurement, now: Measurement) -> Iterator[str]:
    yield from _differing(f"{split} samples", before.samples, now.samples)
    for column in columns_of_split({**before.metrics, **now.metrics}):
        yield from _differing(f"{split} {column.name}", column.value(before), column.value(now))


def _differing(name: str, before: object, now: object) -> Iterator[str]:
    if before != now:
        yield f"{name}: {before} → {now}"
