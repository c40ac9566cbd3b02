"""A data set as a trial sees it: three splits of images in [0, 1] with integer labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Split:
    """Images (N, channels, height, width), float32 in [0, 1], and labels (N,), integers from 0."""

    images: NDArray[np.float32]
    labels: NDArray[np.int64]

    def __post_init__(self) -> None:
        if self.images.ndim != 4 or self.labels.shape != self.images.shape[:1]:
            raise ValueError(
                f"images are (N,C,H,W) and labels (N,), got {self.images.shape} and {self.labels.shape}"
            )

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Dataset:
    """A data set split for honest selection: the search sees validation, the report shows test.

    ``raw_bits`` is what one sample costs uncompressed, in bits.
    """

    name: str
    classes: int
    raw_bits: int
    train: Split
    validation: Split
    test: Split
