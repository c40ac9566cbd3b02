"""How far the images that a receiver sees are from those that were sent."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ratefront.data.dataset import Samples

_MEASURED, _AT_ONCE = 1000, 100  # samples: their mean error says enough, and coding them once more costs time
_STEPS = 255


def mean_squared_error(samples: Samples, decoded: Callable[[Tensor], NDArray[np.float32]]) -> float:
    """Of the first thousand images, in squared steps of 8 bit: PSNR is 10·log10(255² / it) dB; lossless is 0.

    ``decoded`` gives images (n, C, H, W) as a receiver sees them. What is sent is the image in 8 bit.
    """
    errors = []
    for begin in range(0, min(_MEASURED, len(samples)), _AT_ONCE):
        images = samples[begin : min(_MEASURED, begin + _AT_ONCE)]
        sent = np.rint(images * _STEPS)
        errors.append(np.square(sent - _STEPS * decoded(torch.from_numpy(images))).mean(axis=(1, 2, 3)))
    return float(np.concatenate(errors).mean())
