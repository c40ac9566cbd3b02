"""Features of a frozen front end, computed once per node: a file that all trials at the same split point map.

They lie in the cache (``$RATEFRONT_CACHE``) as float32 under a digest of the front end's weights and of the data. All
of them together take at most ``$RATEFRONT_FEATURES_GB`` (default 20); the least recently used are removed first. What
would not fit is computed batch by batch instead, with a warning.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
from pathlib import Path

import numpy as np
import torch
from numpy.lib.format import open_memmap
from torch import nn

from ratefront.cache_folders import cache_folder
from ratefront.data.dataset import Samples
from ratefront.errors import InputError
from ratefront.store.files.process_lock import exclusively, is_unlocked
from ratefront.task_models.task_model import default_batch_size

_DRAFT = ".draft"
_GB = 10**9
_DEFAULT_LIMIT_GB = 20.0
_SHARE_OF_FREE_DISK = 0.5

_log = logging.getLogger(__name__)


def cached_features(front_end: nn.Module, samples: Samples, data_digest: str) -> Samples | None:
    """Return the features (N, ...) of samples, from the cache or computed; None if the disk has no space for them.

    The front end must be in evaluation mode. If several processes ask at once, one computes and the others wait.

    Args:
        front_end: The stages up to the split point.
        samples: The samples (N, ...).
        data_digest: The digest of the samples.
    """
    if limit_bytes() == 0:
        _log.warning(
            "no features are kept (RATEFRONT_FEATURES_GB is 0): each batch goes through the front end"
        )
        return None
    folder = cache_folder() / "features"
    path = folder / f"{_identity(front_end, data_digest)}.npy"
    shape = _shape(front_end, samples)
    with exclusively(path.with_suffix(".lock"), "features"):
        with exclusively(folder / "room.lock", "room for features"):
            if path.exists():
                return _map(path)
            draft = _reserve(path, shape)
        if draft is None:
            return None
        _compute(front_end, samples, draft)
        with exclusively(folder / "room.lock", "room for features"):
            draft.rename(path)
            return _map(path)


def _map(path: Path) -> Samples:
    """Map the features; call it while no process may remove them. A mapped file stays readable after its removal."""
    os.utime(path)
    features: np.memmap[tuple[int, ...], np.dtype[np.float32]] = np.load(
        path, mmap_mode="c", allow_pickle=False
    )
    return features


def _identity(front_end: nn.Module, data_digest: str) -> str:
    digest = hashlib.sha256(f"{data_digest}\n{_device(front_end).type}\n{front_end}".encode())
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


def limit_bytes() -> int:
    """Return the bytes that all cached features together may take on this disk.

    Raises:
        InputError: ``RATEFRONT_FEATURES_GB`` is not a number ≥ 0.
    """
    setting = os.environ.get("RATEFRONT_FEATURES_GB", str(_DEFAULT_LIMIT_GB))
    try:
        limit_gb = float(setting)
    except ValueError:
        limit_gb = -1.0
    if not limit_gb >= 0:
        raise InputError(f"RATEFRONT_FEATURES_GB: must be a number ≥ 0, got {setting!r}")
    return int(limit_gb * _GB)


def _reserve(path: Path, shape: tuple[int, ...]) -> Path | None:
    """Create a draft file of the features' size, which counts as used from now on; None if there is no space for it."""
    needed_bytes = 4 * int(np.prod(shape))
    if not _free_space(path, needed_bytes):
        return None
    draft = path.with_suffix(_DRAFT)
    open_memmap(draft, mode="w+", dtype=np.float32, shape=shape)  # type: ignore[no-untyped-call]
    return draft


def _free_space(path: Path, needed_bytes: int) -> bool:
    """Remove the least recently used features; False if the drafts of other processes leave too little space."""
    _remove_abandoned_drafts(path.parent)
    drafts_bytes = sum(draft.stat().st_size for draft in path.parent.glob(f"*{_DRAFT}"))
    kept = sorted(path.parent.glob("*.npy"), key=lambda file: file.stat().st_mtime_ns)
    held_bytes = sum(file.stat().st_size for file in kept)
    free_bytes = shutil.disk_usage(path.parent).free + held_bytes
    limit = min(limit_bytes(), int(_SHARE_OF_FREE_DISK * free_bytes)) - drafts_bytes
    if needed_bytes > limit:
        _log.warning(
            "features of %.1f GB are not kept, there is room for %.1f GB (RATEFRONT_FEATURES_GB, half of the free "
            "disk): each batch goes through the front end",
            needed_bytes / _GB,
            max(0, limit) / _GB,
        )
        return False
    while held_bytes + needed_bytes > limit:
        oldest = kept.pop(0)
        held_bytes -= oldest.stat().st_size
        oldest.unlink()
    return True


def _remove_abandoned_drafts(folder: Path) -> None:
    """Remove drafts whose lock is free: a process that computes holds it, so killed processes left these."""
    for draft in folder.glob(f"*{_DRAFT}"):
        if is_unlocked(draft.with_suffix(".lock")):
            draft.unlink()


@torch.no_grad()
def _compute(front_end: nn.Module, samples: Samples, draft: Path) -> None:
    features = open_memmap(draft, mode="r+")  # type: ignore[no-untyped-call]
    size = default_batch_size(samples.shape[1:])
    for first in range(0, len(samples), size):
        batch = torch.from_numpy(samples[first : first + size]).to(_device(front_end))
        features[first : first + size] = front_end(batch).float().cpu().numpy()
    features.flush()
