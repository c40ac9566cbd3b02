"""Images corrupted on purpose: Gaussian noise and Gaussian blur of five severities.

The strengths are those of CIFAR-10-C for images of up to 64 pixels a side, and those of ImageNet-C for larger ones
(Hendrycks and Dietterich, "Benchmarking Neural Network Robustness to Common Corruptions and Perturbations", ICLR 2019).
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ratefront.catalogue.datasets import LabelledImageParameters
from ratefront.data.dataset import Dataset, Samples, Split
from ratefront.data.stored_samples import uint8_to_float32

_LARGEST_SMALL_SIDE = 64

#: Standard deviation of the noise by severity, for small and for large images, in units of the full range.
_NOISE = ((0.04, 0.06, 0.08, 0.09, 0.10), (0.08, 0.12, 0.18, 0.26, 0.38))
#: Standard deviation of the blur's kernel by severity, for small and for large images, in pixels.
_BLUR = ((0.4, 0.6, 0.7, 0.8, 1.0), (1.0, 2.0, 3.0, 4.0, 6.0))


@dataclass(frozen=True, eq=False)
class CorruptedImages:
    """Images (N, C, H, W) in [0, 1] that are corrupted on access and rounded to 8 bits.

    The noise of a sample depends on ``split``, its position there, ``severity`` and ``seed``, and on nothing else.
    """

    images: Samples
    corruption: Literal["noise", "blur"]
    severity: int
    split: str
    seed: int

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of all images, (N, C, H, W)."""
        return tuple(self.images.shape)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: slice | NDArray[np.int64], /) -> NDArray[np.float32]:
        clean = self.images[index]
        if self.corruption == "noise":
            changed = self._noisy(clean, np.arange(len(self))[index])
        else:
            changed = self._blurred(clean)
        return uint8_to_float32(np.rint(np.clip(changed, 0, 1) * 255).astype(np.uint8))

    def _strength(self, table: tuple[tuple[float, ...], tuple[float, ...]]) -> float:
        return table[max(self.shape[2:]) > _LARGEST_SMALL_SIDE][self.severity - 1]

    def _noisy(self, clean: NDArray[np.float32], positions: NDArray[np.int64]) -> NDArray[np.float32]:
        stream = hashlib.sha256(f"{self.split}/{self.severity}/{self.seed}".encode()).digest()
        key = int.from_bytes(stream[:8], "little")
        deviation = np.float32(self._strength(_NOISE))
        noisy = np.empty_like(clean)
        for place, position in enumerate(positions):
            # Each sample has its own generator: its noise must not depend on which other samples are read with it.
            bits = np.random.Philox(key=np.array([key, position], dtype=np.uint64))
            drawn = np.random.Generator(bits).standard_normal(clean.shape[1:], dtype=np.float32)
            noisy[place] = clean[place] + deviation * drawn
        return noisy

    def _blurred(self, clean: NDArray[np.float32]) -> NDArray[np.float32]:
        from scipy.ndimage import gaussian_filter

        deviation = self._strength(_BLUR)
        blurred: NDArray[np.float32] = gaussian_filter(clean, (0, 0, deviation, deviation), mode="nearest")
        return blurred


def corrupt(dataset: Dataset, parameters: LabelledImageParameters) -> Dataset:
    """Return the data set with the splits corrupted that its parameters name, or as it is.

    The data set's ``digest`` has to cover these parameters, as ``assemble_dataset`` does.
    """
    if parameters.corruption == "none" or parameters.severity is None:
        return dataset
    kind, severity, seed = parameters.corruption, parameters.severity, parameters.split_seed

    def corrupted(split: Split, name: str) -> Split:
        return Split(CorruptedImages(split.images, kind, severity, name, seed), split.labels)

    return replace(
        dataset,
        raw_bits=8 * math.prod(dataset.shape),
        train=corrupted(dataset.train, "train") if parameters.corrupted == "all" else dataset.train,
        validation=corrupted(dataset.validation, "validation"),
        test=corrupted(dataset.test, "test"),
    )
