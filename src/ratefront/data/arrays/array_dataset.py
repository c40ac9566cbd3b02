"""One's own data in an npz file: images, or point clouds, with labels.

``x_train`` and ``x_test`` are images (N, H, W) or (N, H, W, C) of uint8 or of floats in [0, 1], or point clouds
(N, P, 3) of floats; ``y_train`` and ``y_test`` (N,) are whole numbers from 0 to K − 1, each of which trains.
``x_validation`` and ``y_validation``, where they are there, are the validation split.
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
_ALMOST_VALIDATION = ("x_val", "y_val", "x_valid", "y_valid")


@dataclass(frozen=True, eq=False)
class _Described:
    """What is known of a file that keeps the rules, before its samples are read."""

    path: Path
    kind: SampleKind
    headers: Mapping[str, ArrayHeader]
    labels: Mapping[str, NDArray[np.int64]]

    @property
    def splits(self) -> list[str]:
        return [split for split in _SPLITS if f"x_{split}" in self.headers]

    @property
    def of_labels(self) -> list[NDArray[np.int64]]:
        return [self.labels[f"y_{split}"] for split in self.splits]

    @property
    def class_names(self) -> list[str]:
        return [f"class {label}" for label in range(int(self.labels["y_train"].max()) + 1)]


def describe_arrays(parameters: ArraysParameters) -> dict[str, Any]:
    """``shape`` of a sample, and what ``describe_labels`` tells. Samples that are floats are read, some megabytes at a time
    and once a process, since only their values tell whether they may be taken; of bytes a few hundred samples are.

    Raises:
        InputError: The file cannot be read, or breaks a rule; file, array, rule and what was found are said.
    """
    found = _described(parameters)
    header = found.headers["x_train"]
    if header.dtype.kind == "f":
        for split in found.splits:
            check_stored_values(found.path, f"x_{split}", found.kind)
    facts = describe_labels(found.of_labels, found.class_names)
    return {"shape": _sample_shape(header, found.kind), **facts, "remarks": _remarks(found)}


def load_arrays(parameters: ArraysParameters) -> Dataset:
    """The file's splits. Where it has no validation split, a stratified tenth of the training split is.

    Raises:
        InputError: As ``describe_arrays``.
    """
    found = _described(parameters)
    samples = {split: read_array(found.path, f"x_{split}") for split in found.splits}
    for split, values in samples.items():
        check_values(values, found.kind, f"{found.path}: x_{split}")
    told = digest_parts(*samples.values(), *found.of_labels)
    read = tuple(
        Split(_as_samples(samples[split], found.kind), labels)
        for split, labels in zip(found.splits, found.of_labels, strict=True)
    )
    bits = 8 * min(found.headers["x_train"].dtype.itemsize, 4)
    made = assemble_dataset("arrays", len(found.class_names), bits, read, told, parameters)
    return replace(made, remarks=tuple(_remarks(found)))


def _remarks(found: _Described) -> list[str]:
    of_labels = missing_class_remarks(found.of_labels, found.class_names)
    return [*of_labels, *unit_remarks(found.path, found.splits, found.kind)]


def _described(parameters: ArraysParameters) -> _Described:
    path = Path(parameters.path)
    headers = read_headers(path, _names(path))
    check_headers(headers, path)
    labels = {name: read_array(path, name) for name in headers if name.startswith("y")}
    check_labels(labels, path)
    kind = _kind(parameters, path, headers["x_train"])
    if kind == "images":
        for name in (name for name in headers if name.startswith("x")):
            check_stored_brightness(path, name)
    return _Described(path, kind, headers, {name: own.astype(np.int64) for name, own in labels.items()})


def _names(path: Path) -> tuple[str, ...]:
    """Of the arrays to read: those required, and the validation split where it is there.

    Raises:
        InputError: Half of it is there, or it has another name; or the file cannot be read.
    """
    there = array_names(path)
    if strange := [name for name in _ALMOST_VALIDATION if name in there]:
        raise InputError(
            f"{path}: {', '.join(strange)}: the validation split is called {' and '.join(_VALIDATION)}: rename"
        )
    return _REQUIRED + _VALIDATION * any(name in there for name in _VALIDATION)


def _kind(parameters: ArraysParameters, path: Path, header: ArrayHeader) -> SampleKind:
    """As the parameters say; else only floats (N, P, 3) with a value outside [0, 1] are point clouds."""
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
