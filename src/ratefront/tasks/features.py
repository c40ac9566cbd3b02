"""Features of a frozen front end, computed once a node: a file that all trials at the same split point map.

They lie in the cache (``$RATEFRONT_CACHE``) under a digest of the front end's weights and of the data, float32, and all
of them together take at most ``$RATEFRONT_FEATURES_GB`` (default 20): those that were not used for the longest time go
first. What would not fit is computed batch by batch instead, and a warning says so.
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from numpy.lib.format import open_memmap
from torch import nn

from ratefront.data.place import cache_folder
from ratefront.data.splits import Samples
from ratefront.errors import InputError

_BATCH = 256
_GB = 10**9
_DEFAULT_LIMIT_GB = 20.0
_SHARE_OF_FREE_DISK = 0.5

_log = logging.getLogger(__name__)


def cached_features(front_end: nn.Module, samples: Samples, content: str) -> Samples | None:
    """Features (N, ...) of samples that ``content`` is the digest of; None where the disk may not take them.

    The front end must be in evaluation mode. Where several processes ask at once, one computes and the others wait.
    """
    folder = cache_folder() / "features"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{_identity(front_end, content)}.npy"
    shape = _shape(front_end, samples)
    with _held(path.with_suffix(".lock")):
        if not path.exists():
            if not _make_room(folder, 4 * int(np.prod(shape))):
                return None
            _compute(front_end, samples, shape, path)
        os.utime(path)
    mapped: np.memmap[tuple[int, ...], np.dtype[np.float32]] = np.load(
        path, mmap_mode="c", allow_pickle=False
    )
    return mapped


def _identity(front_end: nn.Module, content: str) -> str:
    digest = hashlib.sha256(f"{content}\n{front_end}".encode())
    for name, tensor in front_end.state_dict().items():
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()[:32]


@torch.no_grad()
def _shape(front_end: nn.Module, samples: Samples) -> tuple[int, ...]:
    one = front_end(torch.from_numpy(samples[:1]).to(_device(front_end)))
    return (len(samples), *one.shape[1:])


def _device(front_end: nn.Module) -> torch.device:
    parameter = next(front_end.parameters(), None)
    return torch.device("cpu") if parameter is None else parameter.device


@contextmanager
def _held(lock: Path) -> Iterator[None]:
    """Nobody else computes these features meanwhile; who dies lets go."""
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def limit_bytes() -> int:
    """What all features together may take on this disk.

    Raises
    ------
    InputError
        ``RATEFRONT_FEATURES_GB`` is no number ≥ 0.
    """
    given = os.environ.get("RATEFRONT_FEATURES_GB", str(_DEFAULT_LIMIT_GB))
    try:
        limit_gb = float(given)
    except ValueError:
        limit_gb = -1.0
    if not limit_gb >= 0:
        raise InputError(f"RATEFRONT_FEATURES_GB: must be a number ≥ 0, got {given!r}")
    return int(limit_gb * _GB)


def _make_room(folder: Path, needed_bytes: int) -> bool:
    """Remove what was not used for the longest time; False where even an empty cache would be too small."""
    limit = limit_bytes()
    kept = sorted(folder.glob("*.npy"), key=lambda path: path.stat().st_mtime_ns)
    held_bytes = sum(path.stat().st_size for path in kept)
    free_bytes = shutil.disk_usage(folder).free + held_bytes
    limit = min(limit, int(_SHARE_OF_FREE_DISK * free_bytes))
    if needed_bytes > limit:
        _log.warning(
            "features of %.1f GB are not kept, the limit is %.1f GB (RATEFRONT_FEATURES_GB, half of the free disk): "
            "each batch goes through the front end",
            needed_bytes / _GB,
            limit / _GB,
        )
        return False
    while held_bytes + needed_bytes > limit:
        oldest = kept.pop(0)
        held_bytes -= oldest.stat().st_size
        oldest.unlink()  # who maps it keeps what it maps
    return True


@torch.no_grad()
def _compute(front_end: nn.Module, samples: Samples, shape: tuple[int, ...], path: Path) -> None:
    draft = path.with_suffix(".draft")
    features = open_memmap(draft, mode="w+", dtype=np.float32, shape=shape)  # type: ignore[no-untyped-call]
    for first in range(0, len(samples), _BATCH):
        batch = torch.from_numpy(samples[first : first + _BATCH]).to(_device(front_end))
        features[first : first + _BATCH] = front_end(batch).float().cpu().numpy()
    features.flush()
    draft.rename(path)
