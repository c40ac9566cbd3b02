"""One's own data in an npz file: images, or point clouds, with labels.

``x_train`` and ``x_test`` are images (N, H, W) or (N, H, W, C) of uint8 or of floats in [0, 1], or point clouds
(N, P, 3) of floats; ``y_train`` and ``y_test`` (N,) are whole numbers from 0 to K − 1, each of which trains.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ratefront.catalogue.datasets import ArraysParameters
from ratefront.data.array_rules import check_headers, check_labels, check_values
from ratefront.data.assemble import assemble, digest
from ratefront.data.npz import Header, leaves_unit_range, read_array, read_headers
from ratefront.data.samples import Bytes
from ratefront.data.splits import Dataset, Samples, Split
from ratefront.errors import InputError

_NAMES = ("x_train", "y_train", "x_test", "y_test")

Kind = Literal["images", "points"]


def describe_arrays(parameters: ArraysParameters) -> dict[str, Any]:
    """``classes``, ``shape`` of a sample, and ``label_bits``, the entropy of the training labels; the samples are not
    read, unless only their values tell images from point clouds.

    Raises
    ------
    InputError
        The file cannot be read, or breaks a rule; file, array, rule and what was found are said.
    """
    _, kind, header, labels = _described(parameters)
    shares = np.bincount(labels["y_train"]) / len(labels["y_train"])
    return {
        "classes": len(shares),
        "shape": _sample_shape(header, kind),
        "label_bits": float(-(shares * np.log2(shares)).sum()),
    }


def load_arrays(parameters: ArraysParameters) -> Dataset:
    """The file's test split, and its training split less a stratified tenth that validates.

    Raises
    ------
    InputError
        As ``describe_arrays``, and where a sample has a value that it may not have.
    """
    path, kind, header, labels = _described(parameters)
    samples = {name: read_array(path, name) for name in ("x_train", "x_test")}
    for name, values in samples.items():
        check_values(values, kind, f"{path}: {name}")
    told = digest(*samples.values(), *labels.values())
    train, test = (
        Split(_as_samples(samples[f"x_{split}"], kind), labels[f"y_{split}"]) for split in ("train", "test")
    )
    bits = 8 * min(header.dtype.itemsize, 4)
    return assemble("arrays", int(labels["y_train"].max()) + 1, bits, (train, test), told, parameters)


def _described(parameters: ArraysParameters) -> tuple[Path, Kind, Header, dict[str, NDArray[np.int64]]]:
    """The file, what its samples are, the header of x_train, and the labels."""
    path = Path(parameters.path)
    headers = read_headers(path, _NAMES)
    check_headers(headers, path)
    kind = _kind(parameters, path, headers["x_train"])
    labels = {name: read_array(path, name) for name in ("y_train", "y_test")}
    check_labels(labels["y_train"], labels["y_test"], path)
    return path, kind, headers["x_train"], {name: own.astype(np.int64) for name, own in labels.items()}


def _kind(parameters: ArraysParameters, path: Path, header: Header) -> Kind:
    """As the parameters say; else only floats (N, P, 3) with a value outside [0, 1] are point clouds."""
    may_be_points = len(header.shape) == 3 and header.shape[2] == 3 and header.dtype.kind == "f"
    kind = parameters.kind
    if kind is None and may_be_points:
        if not leaves_unit_range(path, "x_train"):
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


def _sample_shape(header: Header, kind: Kind) -> tuple[int, ...]:
    _, first, second, *channels = header.shape
    return (first, second) if kind == "points" else (*(channels or [1]), first, second)


def _as_samples(values: NDArray[Any], kind: Kind) -> Samples:
    if kind == "points":
        return np.ascontiguousarray(values, dtype=np.float32)
    images = values[:, None] if values.ndim == 3 else values.transpose(0, 3, 1, 2)
    return Bytes(images) if images.dtype == np.uint8 else np.ascontiguousarray(images, dtype=np.float32)
