"""Samples that take little memory and become float32 on access."""

from __future__ import annotations

from collections.abc import Sized
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ratefront.data.dataset import Samples


def uint8_to_float32(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return pixels 0 … 255 as float32 in [0, 1], in C order."""
    scaled: NDArray[np.float32] = np.true_divide(pixels, np.float32(255), dtype=np.float32, order="C")
    return scaled


def evenly_spaced(samples: Sized, count: int) -> NDArray[np.int64]:
    """Return the positions of ``count`` samples, or of all, at even distances from the first to the last."""
    return np.unique(np.linspace(0, len(samples) - 1, min(count, len(samples))).astype(np.int64))


@dataclass(frozen=True, eq=False)
class Uint8Images:
    """Images (N, C, H, W) of uint8, in memory or memory-mapped; they are read as float32 in [0, 1]."""

    pixels: NDArray[np.uint8]

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of all images, (N, C, H, W)."""
        return self.pixels.shape

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, index: slice | NDArray[np.int64], /) -> NDArray[np.float32]:
        return uint8_to_float32(self.pixels[index])


@dataclass(frozen=True, eq=False)
class SampleSubset:
    """A part of other samples, given by positions (n,); nothing is copied."""

    samples: Samples
    positions: NDArray[np.int64]

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of these samples, (n, ...)."""
        return (len(self.positions), *self.samples.shape[1:])

    def __len__(self) -> int:
        return len(self.positions)

    def __getitem__(self, index: slice | NDArray[np.int64], /) -> NDArray[np.float32]:
        return self.samples[self.positions[index]]
