"""Read headers and data of the arrays in an npz file; every error names the file and the array."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ratefront.array_files import (
    UNREADABLE,
    WrongArrayError,
    check_npz_array,
    npz_names,
    open_npz,
    read_npy_header,
    read_npz_array,
)
from ratefront.data.arrays.identify_file import FOLDER, identify_file
from ratefront.errors import InputError

_CHUNK_VALUES = 1 << 20


@dataclass(frozen=True)
class ArrayHeader:
    """Shape and type of an array, known without reading its data."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    def __str__(self) -> str:
        return f"{self.dtype} of shape {self.shape}"


def array_names(path: Path) -> list[str]:
    """Return the names of all arrays in the file.

    Raises:
        InputError: The file cannot be read, or is another kind of file.
    """
    with as_input_errors(path), open_npz(path) as archive:
        names = npz_names(archive)
        if not names:
            raise InputError(f"{path}: is not an npz file but {identify_file(path)}")
        return names


def read_headers(path: Path, names: Sequence[str]) -> dict[str, ArrayHeader]:
    """Read shape and type of the named arrays.

    Raises:
        InputError: The file cannot be read or lacks an array; or an array does not hold plain numbers, or not as many
            as its header says.
    """
    present = array_names(path)
    with as_input_errors(path), open_npz(path) as archive:
        if missing := [name for name in names if name not in present]:
            raise InputError(
                f"{path}: needs the arrays {', '.join(names)}, but {', '.join(missing)} is missing; "
                f"found: {', '.join(present) or 'none'}"
            )
        headers = {}
        for name in names:
            with as_input_errors(path, name):
                shape, _, dtype = check_npz_array(archive, name)
                headers[name] = ArrayHeader(shape, dtype)
        return headers


def read_array(path: Path, name: str) -> NDArray[Any]:
    """Read an array.

    Raises:
        InputError: It cannot be read.
    """
    with as_input_errors(path, name), open_npz(path) as archive:
        return read_npz_array(archive, name)


def file_stamp(path: Path) -> tuple[int, ...]:
    """Return the size and the times of the file, which change when the file changes.

    Raises:
        InputError: The file does not exist.
    """
    with as_input_errors(path):
        status = path.stat()
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns


def read_chunks(path: Path, name: str) -> Iterator[NDArray[Any]]:
    """Yield all values of the array, flat, some megabytes at a time.

    Raises:
        InputError: The array cannot be read.
    """
    with as_input_errors(path, name), open_npz(path) as archive, archive.open(f"{name}.npy") as file:
        _, _, dtype = read_npy_header(file)
        while chunk := file.read(_CHUNK_VALUES * dtype.itemsize):
            yield np.frombuffer(chunk, dtype=dtype)


@contextmanager
def as_input_errors(path: Path, name: str | None = None) -> Iterator[None]:
    """Turn errors inside into an ``InputError`` that names the file and the array."""
    place = f"{path}: {name}" if name else str(path)
    try:
        yield
    except InputError:
        raise
    except WrongArrayError as error:
        raise InputError(f"{place}: {error}") from error
    except UNREADABLE as error:
        known = None if name else identify_file(path)
        problem = f"is not an npz file but {known}" if known else f"cannot be read: {error}"
        raise InputError(f"{place}: {problem}") from error
    except IsADirectoryError as error:
        raise InputError(f"{place}: {FOLDER}") from error
    except OSError as error:
        raise InputError(f"{place}: cannot be read: {error.strerror or error}") from error
