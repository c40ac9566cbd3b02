"""The rules that one's own arrays keep: types, shapes, labels and values; each broken one says what was found."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ratefront.data.hold_out import check_enough
from ratefront.data.npz import Header
from ratefront.errors import InputError

_CHANNELS = (1, 3, 4)


def check_headers(headers: Mapping[str, Header], path: Path) -> None:
    """What can be told of x_train, y_train, x_test and y_test without reading them.

    Raises
    ------
    InputError
        A type, a number of dimensions, a length, or the order of the axes.
    """
    for name, header in headers.items():
        (_check_samples if name.startswith("x") else _check_label_header)(header, f"{path}: {name}")
        if 0 in header.shape:
            raise InputError(f"{path}: {name}: must not be empty, got {header}")
    for split in ("train", "test"):
        samples, labels = headers[f"x_{split}"].shape[0], headers[f"y_{split}"].shape[0]
        if samples != labels:
            raise InputError(
                f"{path}: y_{split}: needs a label for each of the {samples} samples of x_{split}, got {labels}"
            )
    train, test = headers["x_train"], headers["x_test"]
    if train.shape[1:] != test.shape[1:] or train.dtype.kind != test.dtype.kind:
        raise InputError(f"{path}: x_test: must hold samples as x_train ({train}), got {test}")


def _check_samples(header: Header, place: str) -> None:
    if header.dtype != np.uint8 and header.dtype not in (np.float16, np.float32, np.float64):
        raise InputError(f"{place}: must be uint8, or floats (images in [0, 1]), got {header}")
    if len(header.shape) not in (3, 4):
        raise InputError(f"{place}: must be (N, H, W), (N, H, W, C) or (N, P, 3), got {header}")
    if len(header.shape) == 4 and header.shape[1] in _CHANNELS and header.shape[3] not in _CHANNELS:
        raise InputError(
            f"{place}: must be (N, H, W, C), channels last, but looks like channels first: {header}"
        )


def _check_label_header(header: Header, place: str) -> None:
    if header.dtype.kind not in "iu" or len(header.shape) != 1:
        raise InputError(f"{place}: must be whole numbers of shape (N,), got {header}")


def check_labels(train: NDArray[Any], test: NDArray[Any], path: Path) -> None:
    """
    Raises
    ------
    InputError
        The labels are not 0 … K − 1, K ≥ 2, each twice or more in ``train``, and no others in ``test``.
    """
    for name, labels in (("y_train", train), ("y_test", test)):
        if labels.min() < 0:
            raise InputError(f"{path}: {name}: labels begin at 0, got {labels.min()}")
    present = np.unique(train)
    classes = int(present[-1]) + 1
    if len(present) < classes:
        gap = int(np.flatnonzero(present != np.arange(len(present)))[0])
        raise InputError(
            f"{path}: y_train: must hold every class from 0 to the largest label, {classes - 1}, "
            f"but {classes - len(present)} is or are missing, the first of them {gap}"
        )
    if classes < 2:
        raise InputError(f"{path}: y_train: needs at least 2 classes, got label 0 alone")
    if test.max() >= classes:
        raise InputError(
            f"{path}: y_test: must hold labels of y_train alone, 0 to {classes - 1}, got {test.max()}"
        )
    check_enough(train, 2, f"{path}: y_train")


def check_values(values: NDArray[Any], kind: Literal["images", "points"], place: str) -> None:
    """
    Raises
    ------
    InputError
        A float is NaN or infinite, or, in an image, outside [0, 1].
    """
    if values.dtype == np.uint8:
        return
    low, high = float(values.min()), float(values.max())
    if not np.isfinite([low, high]).all():
        count = int((~np.isfinite(values)).sum())
        raise InputError(f"{place}: must be finite, got {count} value(s) that are NaN or infinite")
    if kind == "images" and (low < 0 or high > 1):
        raise InputError(
            f"{place}: floats of images must be in [0, 1], got values from {low:g} to {high:g}; "
            "divide by the largest possible value, or store uint8"
        )
