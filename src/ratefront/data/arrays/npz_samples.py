"""Read some samples of an array in an npz file, spread over it, without reading the rest."""

from __future__ import annotations

import math
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ratefront.array_files import open_npz, read_npy_header
from ratefront.data.arrays.npz_arrays import as_input_errors

_LEAD_BYTES = 1 << 26  # of an array that can only be read from its beginning
_FEWEST, _MOST, _VALUES = 16, 256, 1 << 22  # samples, samples and values that are read
_LOCAL_HEADER = struct.Struct(
    "<26xHH"
)  # of a member of a zip file: the lengths of its name and of its extra field


def read_spread_samples(path: Path, name: str) -> Iterator[NDArray[Any]]:
    """Yield a few hundred samples of the array, fewer of large ones, at even distances.

    Of a large compressed array they come from its first megabytes. Of a large array in Fortran order there are none.

    Raises:
        InputError: The array cannot be read.
    """
    with as_input_errors(path, name):
        samples = _readable_samples(path, name)
        most = min(max(_VALUES // max(1, math.prod(samples.shape[1:])), _FEWEST), _MOST, len(samples))
        for position in np.linspace(0, len(samples) - 1, most).round().astype(int):
            yield np.asarray(samples[position])


def _readable_samples(path: Path, name: str) -> NDArray[Any]:
    """Return the array memory-mapped if it is stored uncompressed, else as much of it as may be read at once."""
    with open_npz(path) as archive:
        member = archive.getinfo(f"{name}.npy")
        with archive.open(member) as file:
            shape, is_fortran, dtype = read_npy_header(file)
            size = math.prod(shape) * dtype.itemsize
            order: Literal["F", "C"] = "F" if is_fortran else "C"
            if is_fortran and size > _LEAD_BYTES:
                return np.empty((0, *shape[1:]), dtype)
            if member.compress_type == zipfile.ZIP_STORED:
                begin = _data_begin(path, member) + file.tell()
                mapped: NDArray[Any] = np.memmap(path, dtype, "r", begin, shape, order)
                return mapped
            sample_bytes = size // shape[0]
            count = min(shape[0], max(1, _LEAD_BYTES // sample_bytes))
            return np.frombuffer(file.read(count * sample_bytes), dtype).reshape(
                (count, *shape[1:]), order=order
            )


def _data_begin(path: Path, member: zipfile.ZipInfo) -> int:
    """Return the position in the file at which the member's bytes begin."""
    with path.open("rb") as file:
        file.seek(member.header_offset)
        lengths = _LOCAL_HEADER.unpack(file.read(_LOCAL_HEADER.size))
    return int(member.header_offset + _LOCAL_HEADER.size + sum(lengths))
