"""Arrays in npy and npz files that somebody else may have written: headers are checked before data are read.

A header says how many numbers of which type follow. NumPy believes it: a shape with ``True`` or a negative length in it
reaches the caller, and a huge one takes the memory of the machine. Here a header has to fit the bytes that are there.
"""

from __future__ import annotations

import lzma
import math
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as numpy_format
from numpy.typing import NDArray

from ratefront.bounded_files import check_regular_file

#: What is raised where an array cannot be read, or a zip file that should hold one.
UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    ValueError,
    KeyError,
    IndexError,
    OverflowError,
    NotImplementedError,
    RuntimeError,  # encrypted
    MemoryError,
)
#: Errors of the file itself, where its header is parsed.
_OF_THE_FILE = (OSError, *UNREADABLE)

Header = tuple[tuple[int, ...], bool, np.dtype[Any]]
"""Shape, whether the order of the axes is Fortran's, type."""

_npy: Any = numpy_format  # numpy's own types leave these functions out


class WrongArrayError(ValueError):
    """An array is there, and its header breaks a rule; the message says which."""


def read_npy_header(file: Any) -> Header:
    """Read the header of the array that begins here.

    Raises:
        ValueError: It is not an array of plain numbers, or its shape is none.
    """
    readers = {(1, 0): _npy.read_array_header_1_0, (2, 0): _npy.read_array_header_2_0}
    version = _npy.read_magic(file)
    if version not in readers:
        raise ValueError(f"format {version} of npy is for records")
    try:
        shape, is_fortran, dtype = readers[version](file)
    except _OF_THE_FILE:
        raise
    except Exception as error:  # of Python's parser: SyntaxError, TokenError, TypeError, …
        raise ValueError(f"its header cannot be read: {error}") from error
    if any(isinstance(length, bool) or length < 0 for length in shape):
        raise WrongArrayError(f"is altered: its header says {shape}, which is the shape of no array")
    return shape, bool(is_fortran), dtype


def check_npz_array(archive: zipfile.ZipFile, name: str) -> Header:
    """Check that an array of an npz file holds plain numbers, as many as its header says, and return the header.

    Raises:
        WrongArrayError: It does not. `UNREADABLE` lists what else may be raised.
    """
    member = archive.getinfo(f"{name}.npy")
    with archive.open(member) as file:
        header = read_npy_header(file)
        expected = file.tell() + _bytes_of_numbers(header)
    if member.file_size != expected:
        raise _wrong_size(header, expected, member.file_size)
    return header


def read_npz_array(archive: zipfile.ZipFile, name: str) -> NDArray[Any]:
    """Read an array of an npz file.

    Raises:
        ValueError: The array does not hold plain numbers, or not as many as its header says. `UNREADABLE` lists what
            else may be raised.
    """
    check_npz_array(archive, name)
    with archive.open(f"{name}.npy") as file:
        array: NDArray[Any] = _npy.read_array(file, allow_pickle=False)
        return array


def open_npz(path: Path) -> zipfile.ZipFile:
    """Open a zip file, which has to be a regular file: to read a FIFO or a device may never end.

    Raises:
        OSError: It cannot be read, or is no regular file.
        zipfile.BadZipFile: It is no zip file.
    """
    check_regular_file(path)
    return zipfile.ZipFile(path)


def npz_names(archive: zipfile.ZipFile) -> list[str]:
    """Return the names of the arrays in an npz file."""
    return [name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")]


def map_npy_file(path: Path) -> NDArray[Any]:
    """Map the array of an npy file into memory, so that only what is used of it is read.

    Raises:
        OSError: The file cannot be read, or is no regular file.
        ValueError: It does not hold plain numbers, or fewer than its header says. `UNREADABLE` lists what else may be
            raised.
    """
    check_regular_file(path)
    with path.open("rb") as file:
        header = read_npy_header(file)
        expected, size = file.tell() + _bytes_of_numbers(header), path.stat().st_size
    if size < expected:
        raise _wrong_size(header, expected, size)
    if 0 in header[0]:
        return np.empty(header[0], header[2])  # nothing cannot be mapped
    array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    return array


def _bytes_of_numbers(header: Header) -> int:
    shape, _, dtype = header
    if dtype.hasobject or dtype.names or dtype.subdtype:
        raise WrongArrayError(
            f"must hold plain numbers, got objects or records ({dtype}); numpy.stack(list(x)) makes one array of "
            "equal ones, x.astype(…) numbers of objects"
        )
    return math.prod(shape) * dtype.itemsize


def _wrong_size(header: Header, expected: int, size: int) -> WrongArrayError:
    shape, _, dtype = header
    return WrongArrayError(
        f"is truncated or altered: its header says {shape} of {dtype}, which makes {expected} bytes, but it has {size}"
    )
