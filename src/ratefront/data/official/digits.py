"""scikit-learn's bundled handwritten digits: 1797 real images of 8×8 pixels with 17 grey levels, 10 classes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits as load_bundled
from sklearn.model_selection import train_test_split

from ratefront.catalogue.datasets import LabelledImageParameters
from ratefront.data.corruption import corrupt
from ratefront.data.dataset import Dataset, Split

_LEVELS = 17
_HELD_OUT = 360  # about 20 % each for validation and test


def load_digits(parameters: LabelledImageParameters) -> Dataset:
    """Load 1077 training, 360 validation and 360 test images, stratified by class, split with ``split_seed``."""
    bundle = load_bundled()
    images = (bundle.images / (_LEVELS - 1)).astype(np.float32)[:, None]
    labels = bundle.target.astype(np.int64)
    rest, test = _stratified(np.arange(len(labels)), labels, parameters.split_seed)
    train, validation = _stratified(rest, labels, parameters.split_seed)
    raw_bits = images[0].size * (_LEVELS - 1).bit_length()
    on_train, on_validation, on_test = (
        Split(images[index], labels[index]) for index in (train, validation, test)
    )
    data = Dataset(
        "digits", 10, raw_bits, on_train, on_validation, on_test, validation_is_held_out_of_train=True
    )
    return corrupt(data, parameters)


def _stratified(
    index: NDArray[np.int64], labels: NDArray[np.int64], seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    kept, held_out = train_test_split(index, test_size=_HELD_OUT, stratify=labels[index], random_state=seed)
    return np.sort(kept), np.sort(held_out)
