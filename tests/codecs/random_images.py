"""Random images for the tests of the image codecs."""

from __future__ import annotations

from math import prod

import numpy as np
import torch
from torch import Tensor

from ratefront.data.stored_samples import uint8_to_float32


def make_images(shape: tuple[int, ...], count: int, seed: int = 0) -> Tensor:
    """Images of 8 bit (count, C, H, W): noise on a slope, so that files differ in size."""
    rng = np.random.default_rng(seed)
    slope = np.linspace(0, 200, prod(shape)).reshape(shape)
    noise = rng.integers(0, 56, (count, *shape)) * rng.integers(0, 2, (count, 1, 1, 1))
    return torch.from_numpy(uint8_to_float32((slope + noise).astype(np.uint8)))
