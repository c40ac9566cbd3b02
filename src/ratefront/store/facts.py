"""What the sweep's folder knows of the task model and its data, without torch and without the data set."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from ratefront.errors import InputError
from ratefront.history import SweepHistory
from ratefront.overlay import Overlay, overlay_of
from ratefront.store.folder import SweepFolder
from ratefront.store.sealed import FACTS


@dataclass(frozen=True)
class TaskFacts:
    """None where it is not known (yet). ``raw_bits``: of one sample as it comes; ``task_model_bytes``: the
    whole model.
    """

    raw_bits: float | None = None
    task_model_bytes: int | None = None
    accuracy: float | None = None
    accuracy_validation: float | None = None


def read_facts(folder: SweepFolder, history: SweepHistory) -> TaskFacts:
    """From the ledger, and ``task_model/facts.json`` for what it does not hold (``raw_bits``,
    ``task_model_bytes``).

    Raises
    ------
    InputError
        The file is there but is not a JSON object of numbers.
    """
    stored = _stored(folder.task_model / FACTS)
    ready, raw, size = history.task_model, stored.get("raw_bits"), stored.get("task_model_bytes")
    if ready is not None:
        size = ready.task_model_bytes
    return TaskFacts(
        raw_bits=raw,
        task_model_bytes=None if size is None else int(size),
        accuracy=None if ready is None else ready.accuracy,
        accuracy_validation=None if ready is None else ready.accuracy_validation,
    )


def _stored(path: Path) -> dict[str, float]:
    if not path.exists():
        return {}
    try:
        found = {str(name): value for name, value in dict(json.loads(path.read_text())).items()}
        return {name: float(found[name]) for name in ("raw_bits", "task_model_bytes") if name in found}
    except (ValueError, TypeError) as error:
        raise InputError(
            f"{path}: expected an object with numbers raw_bits, task_model_bytes: {error}"
        ) from error


def read_overlay(folder: SweepFolder, history: SweepHistory) -> Overlay | None:
    """The bounds from the task model's predictions on the test split, with those that the sweep file names;
    None before the task model is ready.

    Raises
    ------
    InputError
        The predictions are there but cannot be used.
    """
    try:
        written = folder.predictions.stat()
    except FileNotFoundError:
        return None
    asked_for = tuple(history.spec.get("bounds", ()))
    return _overlay(folder.predictions, written.st_mtime_ns, written.st_size, asked_for)


@lru_cache(maxsize=2)
def _overlay(path: Path, _written_ns: int, _bytes: int, asked_for: tuple[str, ...]) -> Overlay:
    """Solved once for a file, not at each redrawing of a running sweep."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            labels, logits = stored["labels_test"], stored["logits_test"]
    except (KeyError, ValueError, OSError, BadZipFile) as error:
        raise InputError(f"{path}: expected arrays labels_test and logits_test: {error}") from error
    return overlay_of(labels, logits, asked_for)
