"""Arrays of an npz file: their headers without their data, and their data, with every fault told of file and array."""

from __future__ import annotations

import math
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as numpy_format
from numpy.typing import NDArray

from ratefront.data.arrays.identify_file import FOLDER, identify_file
from ratefront.errors import InputError

_CHUNK_VALUES = 1 << 20
_npy: Any = numpy_format  # numpy's own types leave these functions out


@dataclass(frozen=True)
class ArrayHeader:
    """What an array is, told without reading it."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    def __str__(self) -> str:
        return f"{self.dtype} of shape {self.shape}"


def array_names(path: Path) -> list[str]:
    """Of all arrays in the file.

    Raises:
        InputError: The file cannot be read, or is another kind of file.
    """
    with as_input_errors(path), zipfile.ZipFile(path) as archive:
        found = [name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")]
        if not found:
            raise InputError(f"{path}: is no npz file, but {identify_file(path)}")
        return found


def read_headers(path: Path, names: Sequence[str]) -> dict[str, ArrayHeader]:
    """Shape and type of the arrays.

    Raises:
        InputError: The file cannot be read, lacks one of them, or one holds no plain numbers or not as many
            as it says.
    """
    found = array_names(path)
    with as_input_errors(path), zipfile.ZipFile(path) as archive:
        if missing := [name for name in names if name not in found]:
            raise InputError(
                f"{path}: needs the arrays {', '.join(names)}, but {', '.join(missing)} is missing; "
                f"found: {', '.join(found) or 'none'}"
            )
        headers = {}
        for name in names:
            with as_input_errors(path, name):
                headers[name] = _header(path, archive, name)
        return headers


def read_array(path: Path, name: str) -> NDArray[Any]:
    """The array.

    Raises:
        InputError: It cannot be read.
    """
    with as_input_errors(path, name), np.load(path, allow_pickle=False) as arrays:
        array: NDArray[Any] = arrays[name]
        return array


def file_stamp(path: Path) -> tuple[int, ...]:
    """What changes where the file does: its size and times.

    Raises:
        InputError: It is not there.
    """
    with as_input_errors(path):
        status = path.stat()
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns


def read_chunks(path: Path, name: str) -> Iterator[NDArray[Any]]:
    """All values of the array, some megabytes at a time.

    Raises:
        InputError: The array cannot be read.
    """
    with as_input_errors(path, name), zipfile.ZipFile(path) as archive, archive.open(f"{name}.npy") as file:
        _, _, dtype = read_npy_header(file)
        while chunk := file.read(_CHUNK_VALUES * dtype.itemsize):
            yield np.frombuffer(chunk, dtype=dtype)


def _header(path: Path, archive: zipfile.ZipFile, name: str) -> ArrayHeader:
    member = archive.getinfo(f"{name}.npy")
    with archive.open(member) as file:
        shape, _, dtype = read_npy_header(file)
        if dtype.hasobject or dtype.names:
            raise InputError(
                f"{path}: {name}: must hold plain numbers, got objects or records ({dtype}); "
                "numpy.stack(list(x)) makes one array of equal ones, x.astype(…) numbers of objects"
            )
        told = file.tell() + math.prod(shape) * dtype.itemsize
    if member.file_size != told:
        raise InputError(
            f"{path}: {name}: is truncated or altered: its header says {shape} of {dtype}, which makes {told} bytes, "
            f"but it has {member.file_size}"
        )
    return ArrayHeader(shape, dtype)


def read_npy_header(file: Any) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, whether the first axis is the innermost, and type of the array that begins here.

    Raises:
        ValueError: It is none of plain numbers.
    """
    readers = {(1, 0): _npy.read_array_header_1_0, (2, 0): _npy.read_array_header_2_0}
    version = _npy.read_magic(file)
    if version not in readers:
        raise ValueError(f"format {version} of npy is for records")
    shape, is_fortran, dtype = readers[version](file)
    return tuple(map(int, shape)), bool(is_fortran), dtype


@contextmanager
def as_input_errors(path: Path, name: str | None = None) -> Iterator[None]:
    """What goes wrong inside as an error that names the file, and the array."""
    place = f"{path}: {name}" if name else str(path)
    try:
        yield
    except InputError:
        raise
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, KeyError, NotImplementedError) as error:
        known = None if name else identify_file(path)
        told = f"is no npz file, but {known}" if known else f"cannot be read: {error}"
        raise InputError(f"{place}: {told}") from error
    except IsADirectoryError as error:
        raise InputError(f"{place}: {FOLDER}") from error
    except OSError as error:
        raise InputError(f"{place}: cannot be read: {error.strerror or error}") from error
