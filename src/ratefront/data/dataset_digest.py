"""Digests that tell data sets apart by their samples and labels."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from ratefront.data.dataset import Dataset

_BATCH = 4096


def dataset_digest(data: Dataset) -> str:
    """Return the data set's own digest, or compute one of all of its samples and labels."""
    if data.digest is not None:
        return data.digest
    total = hashlib.sha256()
    for split in (data.train, data.validation, data.test):
        for first in range(0, len(split), _BATCH):
            total.update(np.ascontiguousarray(split.images[first : first + _BATCH]).tobytes())
        total.update(np.ascontiguousarray(split.labels).tobytes())
    return total.hexdigest()


def digest_parts(*parts: bytes | NDArray[np.generic]) -> str:
    """Return the SHA-256 of bytes and of arrays (type, shape and values), in hexadecimal digits."""
    total = hashlib.sha256()
    for part in parts:
        if isinstance(part, bytes):
            total.update(len(part).to_bytes(8, "little") + part)
        else:
            total.update(f"{part.dtype.str}{part.shape}".encode())
            total.update(np.ascontiguousarray(part).data)
    return total.hexdigest()
