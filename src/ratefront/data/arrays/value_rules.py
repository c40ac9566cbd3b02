"""The rules for sample values: finite, and in [0, 1] for images. The messages say how to repair them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ratefront.data.arrays.npz_arrays import file_stamp, read_chunks
from ratefront.errors import InputError

SampleKind = Literal["images", "points"]

_CHUNK_SAMPLES = 1024
_GREATEST_VALUE = float(np.finfo(np.float32).max)  # networks compute in single precision
_LEAST_BYTE_RANGE = 128  # a range above it, and up to 255, is that of bytes


@dataclass(frozen=True)
class _Statistics:
    """Statistics of all finite values; ``not_finite`` counts the others."""

    low: float
    high: float
    mean: float
    deviation: float
    are_integers: bool
    not_finite: int


def check_values(values: NDArray[Any], kind: SampleKind, place: str) -> None:
    """Check the values of an array in memory.

    Raises:
        InputError: A float is NaN or infinite or, in an image, outside [0, 1]. The message says what the values
            look like.
    """
    if values.dtype == np.uint8:
        return

    def chunks() -> Iterator[NDArray[Any]]:
        return (values[first : first + _CHUNK_SAMPLES] for first in range(0, len(values), _CHUNK_SAMPLES))

    _check(_range(chunks()), lambda: _statistics(chunks()), kind, place)


def check_stored_values(path: Path, name: str, kind: SampleKind) -> None:
    """Check the values of an array of floats in an npz file; it is read once per process, in chunks.

    Raises:
        InputError: As ``check_values``, or the array cannot be read.
    """
    stamp = file_stamp(path)
    _check(
        _stored_range(path, name, stamp),
        lambda: _stored_statistics(path, name, stamp),
        kind,
        f"{path}: {name}",
    )


def check_stored_brightness(path: Path, name: str) -> None:
    """Check that some value of an array of images is brighter than 1/255 of the full range.

    The array is read up to the first such value. A validation or test split may be black, or, in bytes, have no value
    above 1: few images may have no bright one.

    Raises:
        InputError: No value is bright enough: 0 and 1 were stored as bytes, or the values were divided twice. Or the
            array cannot be read.
    """
    brightest, trains = 0.0, name == "x_train"
    for chunk in read_chunks(path, name):
        if chunk.dtype == np.uint8 and not trains:
            return
        darkest_of_full_range = 1 if chunk.dtype == np.uint8 else 1.5 / 255
        brightest = max(brightest, float(chunk.max()))
        if not chunk.max() <= darkest_of_full_range:  # true for NaN as well, which another check reports
            return
    if brightest == 0 and not trains:
        return
    raise InputError(
        f"{path}: {name}: no value is brighter than 1/255 of the full range (255 of uint8, 1 of floats): were 0 and 1 "
        "stored as bytes, or was divided by 255 twice? Multiply by 255"
    )


def stored_range(path: Path, name: str) -> tuple[float, float]:
    """Return the least and the largest value of an array in an npz file; NaN if there is a NaN.

    Raises:
        InputError: The array cannot be read.
    """
    return _stored_range(path, name, file_stamp(path))


@lru_cache(maxsize=64)
def _stored_range(path: Path, name: str, stamp: tuple[int, ...]) -> tuple[float, float]:
    return _range(read_chunks(path, name))


@lru_cache(maxsize=64)
def _stored_statistics(path: Path, name: str, stamp: tuple[int, ...]) -> _Statistics:
    return _statistics(read_chunks(path, name))


def _range(chunks: Iterable[NDArray[Any]]) -> tuple[float, float]:
    low, high = np.inf, -np.inf
    for chunk in chunks:
        low, high = np.minimum(low, chunk.min()), np.maximum(high, chunk.max())
    return float(low), float(high)


def _check(
    value_range: tuple[float, float],
    compute_statistics: Callable[[], _Statistics],
    kind: SampleKind,
    place: str,
) -> None:
    low, high = value_range
    is_finite = bool(np.isfinite([low, high]).all())
    if is_finite and max(-low, high) > _GREATEST_VALUE:
        raise InputError(
            f"{place}: values from {low:g} to {high:g} are beyond single precision, in which networks compute: "
            f"they would be infinite; the greatest is {_GREATEST_VALUE:g}: choose another unit"
        )
    if is_finite and (kind == "points" or (low >= 0 and high <= 1)):
        return
    statistics = compute_statistics()  # only in case of an error: they cost more than the range
    if not is_finite:
        raise InputError(
            f"{place}: must be finite, got {statistics.not_finite} value(s) that are NaN or infinite"
        )
    raise InputError(
        f"{place}: floats of images must be in [0, 1], got values from {low:g} to {high:g}; {_range_hint(statistics)}"
    )


def _statistics(chunks: Iterable[NDArray[Any]]) -> _Statistics:
    low, high, are_integers = np.inf, -np.inf, True
    count, not_finite, total, squares = 0, 0, 0.0, 0.0
    for chunk in chunks:
        values = chunk[np.isfinite(chunk)].astype(np.float64)
        not_finite += chunk.size - values.size
        if values.size:
            low, high = min(low, float(values.min())), max(high, float(values.max()))
            are_integers = are_integers and bool((values == np.rint(values)).all())
            count += values.size
            total += float(values.sum())
            squares += float(np.square(values).sum())
    mean = total / max(1, count)
    variance = max(0.0, squares / max(1, count) - mean**2)
    return _Statistics(low, high, mean, variance**0.5, are_integers, not_finite)


def _range_hint(statistics: _Statistics) -> str:
    """Say what such values usually are and how to bring them to [0, 1]."""
    if statistics.low >= 0:
        return _brightness_hint(statistics)
    if statistics.low >= -0.5 and statistics.high <= 0.5:
        return "they look like [-0.5, 0.5]: x + 0.5 undoes it"
    if statistics.low >= -1 and statistics.high <= 1:
        return "they look like [-1, 1]: (x + 1) / 2 undoes it"
    moments = f"mean {statistics.mean:.3g}, standard deviation {statistics.deviation:.3g}"
    if abs(statistics.mean) < 0.5 and 0.5 < statistics.deviation < 2:
        return (
            f"they look standardised ({moments}): undo it by x * std + mean, channel by channel, with the mean and the "
            "standard deviation that it was done with"
        )
    if _LEAST_BYTE_RANGE < statistics.high - statistics.low <= 255:
        return f"they look like 0 … 255 less a mean ({moments}): (x + mean) / 255 undoes it"
    return f"({moments}); bring them back to the brightnesses that they were made of, from 0 (black) to 1"


def _brightness_hint(statistics: _Statistics) -> str:
    if _LEAST_BYTE_RANGE < statistics.high <= 255:
        as_bytes = "x.astype('uint8')" if statistics.are_integers else "numpy.rint(x).astype('uint8')"
        return f"they look like 0 … 255: divide by 255, or store uint8 ({as_bytes})"
    usual = "255 for 8 bits, 4095 for 12, 65535 for 16"
    return f"divide by the largest value that is possible, not only by that found ({usual})"
