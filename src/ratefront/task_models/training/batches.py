"""Batches of a training split on the device: all samples stay there if they fit, else a thread reads ahead."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import torch
from torch import Tensor

from ratefront.data.dataset import Split

#: The most bytes of samples that stay on the device: a GPU has more to spare than the main memory of a worker.
_RESIDENT_BYTES = {"cpu": 2**30, "cuda": 2**33}
_FLOAT_BYTES = 4


def fits_device(split: Split, device: str) -> bool:
    """Say whether all samples stay on the device (``cpu`` or ``cuda``), or are read again in every epoch."""
    return _FLOAT_BYTES * math.prod(split.images.shape) <= _RESIDENT_BYTES[device]


class Batches:
    """The samples and labels of a training split, in batches of a given order."""

    def __init__(self, split: Split, device: str) -> None:
        self._split, self._device = split, torch.device(device)
        self._labels = torch.from_numpy(split.labels).to(device)
        is_resident = fits_device(split, self._device.type)
        self._images = torch.from_numpy(split.images[:]).to(device) if is_resident else None

    def __len__(self) -> int:
        return len(self._labels)

    def batches(self, order: Tensor, size: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield samples (n, ...) and labels (n,) on the device.

        Args:
            order: The positions of the samples (N,), on the CPU.
            size: The batch size n; the last batch may have another.
        """
        if self._images is None:
            yield from self._streamed(_parts(order, size))
            return
        for batch in _parts(order.to(self._device), size):
            yield self._images[batch], self._labels[batch]

    def _streamed(self, parts: Sequence[Tensor]) -> Iterator[tuple[Tensor, Tensor]]:
        """Read one batch while the one before it is used; only one thread reads samples at a time."""
        with ThreadPoolExecutor(max_workers=1) as reader:
            upcoming = reader.submit(self._read, parts[0])
            for part, following in zip(parts, [*parts[1:], None], strict=True):
                images = upcoming.result()
                if following is not None:
                    upcoming = reader.submit(self._read, following)
                yield images.to(self._device, non_blocking=True), self._labels[part.to(self._device)]

    def _read(self, positions: Tensor) -> Tensor:
        images = torch.from_numpy(self._split.images[positions.numpy()])
        return images.pin_memory() if self._device.type == "cuda" else images


def _parts(order: Tensor, size: int) -> list[Tensor]:
    """Split the order into batches; a last batch of one sample, which has no variance, joins the one before."""
    parts = list(order.split(size))
    if len(parts) > 1 and len(parts[-1]) == 1:
        parts[-2:] = [torch.cat(parts[-2:])]
    return parts
