"""What a sweep's folder says of the task model and its data set, read without torch and without the data set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from ratefront.bounded_files import read_json_file
from ratefront.bounds import PredictionBounds, from_file
from ratefront.catalogue.datasets import dataset_name
from ratefront.errors import InputError
from ratefront.history.sweep_history import SweepHistory
from ratefront.record_fields import record_check
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
        InputError: The file exists but is not what ratefront writes.
        PermissionError: The file may not be read.
    """
    facts, ready = _facts(folder), history.task_model
    return TaskModelInfo(
        raw_bits=float(facts["raw_bits"]) if "raw_bits" in facts else None,
        task_model_bytes=facts.get("task_model_bytes") if ready is None else ready.task_model_bytes,
        accuracy=None if ready is None else ready.accuracy,
        accuracy_validation=None if ready is None else ready.accuracy_validation,
        accuracy_given=None if ready is None else ready.accuracy_given,
    )


@dataclass(frozen=True)
class _Facts:
    """The facts that readers use; any may be missing, and there are others."""

    raw_bits: Annotated[float, Field(gt=0)]
    task_model_bytes: Annotated[int, Field(ge=0, lt=2**63)]
    dataset_digest: str | None
    samples: Mapping[str, int] | None
    shape: Sequence[int] | None
    classes: int | None


def _facts(folder: SweepFolder) -> dict[str, Any]:
    """The content of ``task_model/facts.json``; nothing where there is no such file."""
    path = folder.task_model / FACTS_FILE
    if not path.exists():
        return {}
    try:
        facts: dict[str, Any] = read_json_file(path)
        record_check(_Facts, is_partial=True)(facts)
    except PermissionError:
        raise  # it says so; nothing is known of the content
    except (OSError, ValueError) as error:
        valid = ", ".join(field.name for field in fields(_Facts))
        raise InputError(f"{path}: expected an object with {valid}: {error}") from error
    return facts


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
        PermissionError: The file may not be read.
    """
    named = dict(history.spec.get("dataset") or {})
    if "name" not in named:
        return None
    facts = _facts(folder)
    shape = facts.get("shape")
    return DatasetInfo(
        str(named.pop("name")),
        named,
        digest=facts.get("dataset_digest"),
        samples=facts.get("samples"),
        shape=None if shape is None else tuple(shape),
        classes=facts.get("classes"),
    )


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
