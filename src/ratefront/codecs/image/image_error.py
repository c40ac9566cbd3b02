"""The metric ``image_mse``: the error of the images that a receiver decodes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ratefront.data.dataset import Samples

_MEASURED, _AT_ONCE = 1000, 100  # samples; more would cost time for coding and change the mean little
_STEPS = 255


def mean_squared_error(samples: Samples, decoded: Callable[[Tensor], NDArray[np.float32]]) -> float:
    """Mean squared error of the first thousand images in 8 bit, in squared steps of 8 bit; 0 is lossless.

    PSNR is 10·log10(255² / error) dB.

    Args:
        samples: Images (N, C, H, W) in [0, 1].
        decoded: Gives the images (n, C, H, W) that a receiver decodes of images (n, C, H, W).
    """
    errors = []
    for begin in range(0, min(_MEASURED, len(samples)), _AT_ONCE):
        images = samples[begin : min(_MEASURED, begin + _AT_ONCE)]
        sent = np.rint(images * _STEPS)
        errors.append(np.square(sent - _STEPS * decoded(torch.from_numpy(images))).mean(axis=(1, 2, 3)))
    return float(np.concatenate(errors).mean())
