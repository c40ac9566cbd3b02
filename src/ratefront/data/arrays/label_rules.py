"""The rules for labels: whole numbers 0 … K − 1, each present in y_train. The messages say how to repair them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ratefront.data.arrays.npz_arrays import ArrayHeader
from ratefront.data.hold_out import check_class_sizes
from ratefront.errors import InputError

_TRAIN = "y_train"
_RENUMBER = (
    "number those that there are: classes, y_train = numpy.unique(y_train, return_inverse=True); "
    "y_test = numpy.searchsorted(classes, y_test), and so every other split"
)


def check_label_header(header: ArrayHeader, place: str) -> None:
    """Check the type and the shape of labels.

    Raises:
        InputError: They are not whole numbers of shape (N,).
    """
    if header.dtype.kind not in "iu" or len(header.shape) != 1:
        raise InputError(f"{place}: must be whole numbers of shape (N,), got {header}{_header_hint(header)}")


def _header_hint(header: ArrayHeader) -> str:
    if len(header.shape) == 2 and header.shape[1] == 1:
        return "; y.ravel() makes one axis of it"
    if len(header.shape) == 2:
        return "; of one-hot labels y.argmax(axis=1) makes numbers"
    if len(header.shape) != 1:
        return ""
    if header.dtype.kind in "US":
        return "; numpy.unique(y, return_inverse=True)[1] numbers names, of all splits together"
    return "; where the values are whole, y.astype('int64') makes it so" * (header.dtype.kind in "fb")


def check_labels(labels: Mapping[str, NDArray[Any]], path: Path) -> None:
    """Check the values of y_train and of the other splits' labels.

    Raises:
        InputError: The labels of y_train are not 0 … K − 1 with K ≥ 2, y_train has too few of a class, or another
            split has other labels.
    """
    train = labels[_TRAIN]
    _check_training(np.unique(train), f"{path}: {_TRAIN}")
    for name, others in labels.items():
        _check_others(others, int(train.max()) + 1, f"{path}: {name}")
    least = 1 if "y_validation" in labels else 2
    check_class_sizes(train, least, f"{path}: {_TRAIN}")


def _check_training(present: NDArray[Any], place: str) -> None:
    first, last = int(present[0]), int(present[-1])
    if first == last:
        raise InputError(f"{place}: needs at least 2 classes, got label {first} alone")
    is_contiguous = last - first + 1 == len(present)
    if is_contiguous and first == 0:
        return
    rule = f"{place}: labels must be 0 … K − 1, each of them there, but"
    if is_contiguous:
        raise InputError(f"{rule} these are {first} … {last}: {_shift(first)}, in every split")
    span = f"these are {len(present)} different ones from {first} to {last}"
    gap = next(first + index for index, label in enumerate(present.tolist()) if label != first + index)
    raise InputError(f"{rule} {span}, and {gap} is not among them: {_RENUMBER}")


def _check_others(labels: NDArray[Any], classes: int, place: str) -> None:
    low, high = int(labels.min()), int(labels.max())
    if low >= 0 and high < classes:
        return
    rule = f"{place}: must hold labels of y_train alone, 0 to {classes - 1}, got"
    if high - low == classes - 1:
        raise InputError(f"{rule} {low} to {high}: {_shift(low)}")
    unknown = int(((labels < 0) | (labels >= classes)).sum())
    raise InputError(f"{rule} {low if low < 0 else high}: leave out the {unknown} sample(s) of such a class")


def _shift(first: int) -> str:
    return f"subtract {first} (y - {first})" if first > 0 else f"add {-first} (y + {-first})"
