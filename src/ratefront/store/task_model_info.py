"""What a sweep's folder says of the task model and its data set, read without torch and without the data set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from ratefront.bounded_files import read_json_file
from ratefront.bounds import PredictionBounds, from_file
from ratefront.catalogue.datasets import dataset_name
from ratefront.errors import InputError
from ratefront.history.sweep_history import SweepHistory
from ratefront.store.files.checksummed_folder import FACTS_FILE
from ratefront.store.sweep_folder import SweepFolder


@dataclass(frozen=True)
class TaskModelInfo:
    """Size and accuracy of the task model; each is None where it is not known (yet).

    Attributes:
        raw_bits: The size of one sample before any coding, in bits.
        task_model_bytes: The size of the whole model.
        accuracy: On the test split, with the stored weights.
        accuracy_validation: On the validation split, with the stored weights.
        accuracy_given: On the test split, before the weights were rounded to what is stored.
    """

    raw_bits: float | None = None
    task_model_bytes: int | None = None
    accuracy: float | None = None
    accuracy_validation: float | None = None
    accuracy_given: float | None = None


def read_task_model_info(folder: SweepFolder, history: SweepHistory) -> TaskModelInfo:
    """Read the task model's size and accuracy from the ledger, and from ``task_model/facts.json`` what it lacks.

    Raises:
        InputError: The file exists but is not a JSON object of numbers.
    """
    stored = _stored(folder.task_model / FACTS_FILE)
    ready, raw, size = history.task_model, stored.get("raw_bits"), stored.get("task_model_bytes")
    if ready is not None:
        size = ready.task_model_bytes
    return TaskModelInfo(
        raw_bits=raw,
        task_model_bytes=None if size is None else int(size),
        accuracy=None if ready is None else ready.accuracy,
        accuracy_validation=None if ready is None else ready.accuracy_validation,
        accuracy_given=None if ready is None else ready.accuracy_given,
    )


def _stored(path: Path) -> dict[str, float]:
    if not path.exists():
        return {}
    try:
        facts = {str(name): value for name, value in dict(read_json_file(path)).items()}
        return {name: float(facts[name]) for name in ("raw_bits", "task_model_bytes") if name in facts}
    except (OSError, ValueError, TypeError) as error:
        raise InputError(
            f"{path}: expected an object with numbers raw_bits, task_model_bytes: {error}"
        ) from error


@dataclass(frozen=True)
class DatasetInfo:
    """The data set of a sweep: as the sweep file names it, and what was found there.

    What was found is None where it is not known: before the task model is ready, and for a task model that an earlier
    version of ratefront put into the cache.

    Attributes:
        name: As in the sweep file.
        parameters: As in the sweep file.
        digest: Tells it from other data sets of that name.
        samples: How many samples train, validation and test have.
        shape: Of one sample: (C, H, W), or (P, 3) for point clouds.
        classes: How many classes there are.
    """

    name: str
    parameters: Mapping[str, Any]
    digest: str | None = None
    samples: Mapping[str, int] | None = None
    shape: tuple[int, ...] | None = None
    classes: int | None = None

    @property
    def called(self) -> str:
        """Its name for people (see ``dataset_name``)."""
        return dataset_name({**self.parameters, "name": self.name})


def read_dataset_info(folder: SweepFolder, history: SweepHistory) -> DatasetInfo | None:
    """Read the data set's name from the ledger, and from ``task_model/facts.json`` what was found of it.

    None where the ledger names no data set yet.

    Raises:
        InputError: The file exists but is not what ratefront writes.
    """
    named = dict(history.spec.get("dataset") or {})
    if "name" not in named:
        return None
    path = folder.task_model / FACTS_FILE
    try:
        facts = dict(read_json_file(path)) if path.exists() else {}
        return _dataset_info(str(named.pop("name")), named, facts)
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise InputError(
            f"{path}: expected an object with dataset_digest, samples of each split, shape, classes: {error}"
        ) from error


def _dataset_info(name: str, parameters: Mapping[str, Any], facts: Mapping[str, Any]) -> DatasetInfo:
    digest, samples, shape, classes = (
        facts.get(key) for key in ("dataset_digest", "samples", "shape", "classes")
    )
    return DatasetInfo(
        name,
        parameters,
        digest=None if digest is None else _text(digest),
        samples=None if samples is None else {split: _count(number) for split, number in samples.items()},
        shape=None if shape is None else tuple(_count(side) for side in shape),
        classes=None if classes is None else _count(classes),
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def _count(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{value!r} is no whole number")
    return value


def read_overlay(folder: SweepFolder, history: SweepHistory) -> PredictionBounds | None:
    """The bounds from the task model's predictions on the test split, with those that the sweep file asks for.

    None before the task model is ready.

    Raises:
        InputError: The predictions exist but cannot be used.
    """
    try:
        written = folder.predictions.stat()
    except FileNotFoundError:
        return None
    bounds = tuple(history.spec.get("bounds", ()))
    return _overlay(folder.predictions, written.st_mtime_ns, written.st_size, bounds)


@lru_cache(maxsize=2)
def _overlay(path: Path, _written_ns: int, _bytes: int, bounds: tuple[str, ...]) -> PredictionBounds:
    """Solve the bounds once for a file, and not each time that the report of a running sweep is drawn again."""
    return from_file(path, besides=bounds)
