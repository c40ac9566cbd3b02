"""The files of MNIST and its kin: arrays of bytes behind a header (LeCun's idx format)."""

from __future__ import annotations

import math
import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ratefront.errors import InputError

_UNSIGNED_BYTES = 0x08


def map_idx(path: Path, dimensions: int) -> NDArray[np.uint8]:
    """The array of an idx file, mapped into memory and read-only.

    Raises:
        InputError: The file is no idx file of bytes with so many dimensions, or has not the length that its
            header says.
    """
    start = 4 * (1 + dimensions)
    with path.open("rb") as file:
        header = file.read(start)
    if len(header) < start or header[:4] != bytes((0, 0, _UNSIGNED_BYTES, dimensions)):
        raise InputError(
            f"{path}: is no idx file of bytes with {dimensions} dimension(s): it begins with {header[:4].hex()!r}"
        )
    shape = struct.unpack(f">{dimensions}I", header[4:])
    told, found = start + math.prod(shape), path.stat().st_size
    if told != found or not math.prod(shape):
        lengths = "×".join(map(str, shape))
        raise InputError(
            f"{path}: is truncated or altered: its header says {lengths} bytes, which makes {told} with the header, "
            f"but the file has {found}"
        )
    # A plain array over the map: what is computed from a memmap would be one, too.
    return np.asarray(np.memmap(path, dtype=np.uint8, mode="r", offset=start, shape=shape))
