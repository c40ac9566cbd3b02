"""Read the idx format of MNIST and similar data sets: an array of bytes behind a header (LeCun)."""

from __future__ import annotations

import math
import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ratefront.errors import InputError

_UNSIGNED_BYTES = 0x08


def map_idx(path: Path, dimensions: int) -> NDArray[np.uint8]:
    """Return the array of an idx file, memory-mapped and read-only.

    Raises:
        InputError: The file is not an idx file of bytes with this number of dimensions, or its length differs from what
            its header says.
    """
    start = 4 * (1 + dimensions)
    with path.open("rb") as file:
        header = file.read(start)
    if len(header) < start or header[:4] != bytes((0, 0, _UNSIGNED_BYTES, dimensions)):
        raise InputError(
            f"{path}: is not an idx file of bytes with {dimensions} dimension(s): it begins with {header[:4].hex()!r}"
        )
    shape = struct.unpack(f">{dimensions}I", header[4:])
    expected, size = start + math.prod(shape), path.stat().st_size
    if expected != size or not math.prod(shape):
        lengths = "×".join(map(str, shape))
        raise InputError(
            f"{path}: is truncated or altered: its header says {lengths} bytes, which makes {expected} with the "
            f"header, but the file has {size}"
        )
    # A plain array over the map: results computed from a memmap would be memmaps, too.
    return np.asarray(np.memmap(path, dtype=np.uint8, mode="r", offset=start, shape=shape))
