"""The data set ``arrays``: a user's images or point clouds in an npz file, with labels.

``x_train`` and ``x_test`` are images (N, H, W) or (N, H, W, C) of uint8 or of floats in [0, 1], or point clouds
(N, P, 3) of floats. ``y_train`` and ``y_test`` (N,) are whole numbers from 0 to K − 1; y_train has each of them.
``x_validation`` and ``y_validation``, if present, are the validation split.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ratefront.catalogue.datasets import ArraysParameters
from ratefront.data.arrays.array_rules import check_headers
from ratefront.data.arrays.label_rules import check_labels
from ratefront.data.arrays.npz_arrays import ArrayHeader, array_names, read_array, read_headers
from ratefront.data.arrays.unit_check import unit_remarks
from ratefront.data.arrays.value_rules import (
    SampleKind,
    check_stored_brightness,
    check_stored_values,
    check_values,
    stored_range,
)
from ratefront.data.assemble_dataset import assemble_dataset
from ratefront.data.dataset import Dataset, Samples, Split
from ratefront.data.dataset_digest import digest_parts
from ratefront.data.label_statistics import describe_labels, missing_class_remarks
from ratefront.data.stored_samples import Uint8Images
from ratefront.errors import InputError

_SPLITS = ("train", "validation", "test")
_REQUIRED = ("x_train", "y_train", "x_test", "y_test")
_VALIDATION = ("x_validation", "y_validation")
_MISNAMED_VALIDATION = ("x_val", "y_val", "x_valid", "y_valid")


@dataclass(frozen=True, eq=False)
class _ArraysFile:
    """What is known of a valid file before its samples are read: headers of all arrays, and the labels."""

    path: Path
    kind: SampleKind
    headers: Mapping[str, ArrayHeader]
    labels: Mapping[str, NDArray[np.int64]]

    @property
    def splits(self) -> list[str]:
        return [split for split in _SPLITS if f"x_{split}" in self.headers]

    @property
    def split_labels(self) -> list[NDArray[np.int64]]:
        return [self.labels[f"y_{split}"] for split in self.splits]

    @property
    def class_names(self) -> list[str]:
        return [f"class {label}" for label in range(int(self.labels["y_train"].max()) + 1)]


def describe_arrays(parameters: ArraysParameters) -> dict[str, Any]:
    """Describe the file for the registry: the ``shape`` of a sample, and what ``describe_labels`` returns.

    Samples of floats are read completely, some megabytes at a time and once per process: only their values show
    whether they are valid. Of samples of bytes, a few hundred are read.

    Raises:
        InputError: The file cannot be read, or breaks a rule. The message names file, array and rule, and what was
            found.
    """
    file = _read_description(parameters)
    header = file.headers["x_train"]
    if header.dtype.kind == "f":
        for split in file.splits:
            check_stored_values(file.path, f"x_{split}", file.kind)
    facts = describe_labels(file.split_labels, file.class_names)
    return {"shape": _sample_shape(header, file.kind), **facts, "remarks": _remarks(file)}


def load_arrays(parameters: ArraysParameters) -> Dataset:
    """Load the file's splits; without a validation split, hold out a stratified tenth of the training split.

    Raises:
        InputError: As ``describe_arrays``.
    """
    file = _read_description(parameters)
    samples = {split: read_array(file.path, f"x_{split}") for split in file.splits}
    for split, values in samples.items():
        check_values(values, file.kind, f"{file.path}: x_{split}")
    source_digest = digest_parts(*samples.values(), *file.split_labels)
    splits = tuple(
        Split(_as_samples(samples[split], file.kind), labels)
        for split, labels in zip(file.splits, file.split_labels, strict=True)
    )
    bits = 8 * min(file.headers["x_train"].dtype.itemsize, 4)
    dataset = assemble_dataset("arrays", len(file.class_names), bits, splits, source_digest, parameters)
    return replace(dataset, remarks=tuple(_remarks(file)))


def _remarks(file: _ArraysFile) -> list[str]:
    class_remarks = missing_class_remarks(file.split_labels, file.class_names)
    return [*class_remarks, *unit_remarks(file.path, file.splits, file.kind)]


def _read_description(parameters: ArraysParameters) -> _ArraysFile:
    path = Path(parameters.path)
    headers = read_headers(path, _names_to_read(path))
    check_headers(headers, path)
    labels = {name: read_array(path, name) for name in headers if name.startswith("y")}
    check_labels(labels, path)
    kind = _sample_kind(parameters, path, headers["x_train"])
    if kind == "images":
        for name in (name for name in headers if name.startswith("x")):
            check_stored_brightness(path, name)
    return _ArraysFile(path, kind, headers, {name: array.astype(np.int64) for name, array in labels.items()})


def _names_to_read(path: Path) -> tuple[str, ...]:
    """Return the names of the arrays to read: the required ones, and those of a validation split that is present.

    If one of x_validation and y_validation is present, both are required.

    Raises:
        InputError: The validation split has another name, or the file cannot be read.
    """
    present = array_names(path)
    if misnamed := [name for name in _MISNAMED_VALIDATION if name in present]:
        raise InputError(
            f"{path}: {', '.join(misnamed)}: the validation split is called {' and '.join(_VALIDATION)}: rename"
        )
    return _REQUIRED + _VALIDATION * any(name in present for name in _VALIDATION)


def _sample_kind(parameters: ArraysParameters, path: Path, header: ArrayHeader) -> SampleKind:
    """Return the kind that the parameters give; else only floats (N, P, 3) with a value outside [0, 1] are points."""
    may_be_points = len(header.shape) == 3 and header.shape[2] == 3 and header.dtype.kind == "f"
    kind = parameters.kind
    if kind is None and may_be_points:
        low, high = stored_range(path, "x_train")
        if low >= 0 and high <= 1:
            raise InputError(
                f"{path}: x_train: {header} with all values in [0, 1] may be grey images 3 pixels wide or clouds of "
                "points: set the data set's parameter kind to images or points"
            )
        kind = "points"
    if kind == "points" and not may_be_points:
        raise InputError(f"{path}: x_train: point clouds are (N, P, 3) of floats, got {header}")
    if kind == "points" and parameters.corruption != "none":
        raise InputError(
            f"{path}: corruption {parameters.corruption} is for images, but these are point clouds"
        )
    return kind or "images"


def _sample_shape(header: ArrayHeader, kind: SampleKind) -> tuple[int, ...]:
    _, first, second, *channels = header.shape
    return (first, second) if kind == "points" else (*(channels or [1]), first, second)


def _as_samples(values: NDArray[Any], kind: SampleKind) -> Samples:
    if kind == "points":
        return np.ascontiguousarray(values, dtype=np.float32)
    images = values[:, None] if values.ndim == 3 else values.transpose(0, 3, 1, 2)
    return Uint8Images(images) if images.dtype == np.uint8 else np.ascontiguousarray(images, dtype=np.float32)
