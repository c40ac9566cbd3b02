"""The rules for a user's arrays that their headers show: types, shapes and lengths."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ratefront.data.arrays.label_rules import check_label_header
from ratefront.data.arrays.npz_arrays import ArrayHeader
from ratefront.errors import InputError

_CHANNELS = (1, 3, 4)


def check_headers(headers: Mapping[str, ArrayHeader], path: Path) -> None:
    """Check the headers of x and y of each split: training, test and, if present, validation.

    Raises:
        InputError: A type, a number of dimensions, a length, or the order of the axes is wrong.
    """
    for name, header in headers.items():
        (_check_samples if name.startswith("x") else check_label_header)(header, f"{path}: {name}")
        if 0 in header.shape:
            raise InputError(f"{path}: {name}: must not be empty, got {header}")
    train = headers["x_train"]
    for name in (name for name in headers if name.startswith("x")):
        _check_same_kind(headers[name], train, f"{path}: {name}")
        label_name = name.replace("x_", "y_")
        samples, labels = headers[name].shape[0], headers[label_name].shape[0]
        if samples != labels:
            raise InputError(
                f"{path}: {label_name}: needs a label for each of the {samples} samples of {name}, got {labels}"
            )


def check_sample_dtype(dtype: np.dtype[Any], place: str, header: object) -> None:
    """Check that samples may be numbers of this type.

    Args:
        dtype: The type of the samples.
        place: The file and array, for the message.
        header: What the array is, for the message.

    Raises:
        InputError: They may not. The message says how to convert them.
    """
    if dtype != np.uint8 and dtype not in (np.float16, np.float32, np.float64):
        raise InputError(
            f"{place}: must be uint8, or floats (images in [0, 1]), got {header}{_dtype_hint(dtype)}"
        )


def _check_same_kind(header: ArrayHeader, train: ArrayHeader, place: str) -> None:
    if train.shape[1:] != header.shape[1:] or train.dtype.kind != header.dtype.kind:
        raise InputError(f"{place}: must hold samples as x_train ({train}), got {header}")


def _check_samples(header: ArrayHeader, place: str) -> None:
    check_sample_dtype(header.dtype, place, header)
    if len(header.shape) not in (3, 4):
        raise InputError(
            f"{place}: must be (N, H, W), (N, H, W, C) or (N, P, 3), got {header}{_shape_hint(header.shape)}"
        )
    if len(header.shape) == 4 and header.shape[1] in _CHANNELS and header.shape[3] not in _CHANNELS:
        raise InputError(
            f"{place}: must be (N, H, W, C), channels last, but looks like channels first: {header}; "
            "numpy.moveaxis(x, 1, -1) makes it so"
        )


def _dtype_hint(dtype: np.dtype[Any]) -> str:
    if dtype.kind == "f":  # of the other byte order, or wider than 64 bits
        return "; x.astype('float32') makes it so"
    if dtype.kind == "b":
        return "; x.astype('uint8') * 255 makes it so"
    if dtype.kind in "iu":
        return "; of values 0 … 255 x.astype('uint8') makes it so, of 16 bits x / numpy.float32(65535)"
    return ""


def _shape_hint(shape: tuple[int, ...]) -> str:
    if len(shape) == 2:
        return "; images that were made flat become images again by x.reshape(-1, H, W)"
    return ""
