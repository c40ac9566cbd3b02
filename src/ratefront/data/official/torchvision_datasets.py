"""Load the data sets of torchvision: their files are found or downloaded, and checked before they are read."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ratefront.cache_folders import data_folder
from ratefront.catalogue import CATALOGUE
from ratefront.catalogue.datasets import OfficialParameters
from ratefront.data.assemble_dataset import assemble_dataset
from ratefront.data.dataset import Dataset, Split
from ratefront.data.dataset_digest import digest_parts
from ratefront.data.official.idx_files import map_idx
from ratefront.data.official.required_files import look_for_files, require_files
from ratefront.data.stored_samples import Uint8Images
from ratefront.errors import InputError

#: Name in a sweep file → class of ``torchvision.datasets``.
_CLASSES = {
    "mnist": "MNIST",
    "fashion_mnist": "FashionMNIST",
    "cifar10": "CIFAR10",
    "cifar100": "CIFAR100",
    "stl10": "STL10",
}


def _load(name: str, parameters: OfficialParameters) -> Dataset:
    """Load the official splits; a stratified tenth of the training split is held out for validation.

    Raises:
        InputError: A file is missing and cannot be downloaded, or it differs from what torchvision knows.
    """
    kind, folder = _torchvision_class(name), data_folder(parameters.root)
    require_files(kind, folder, parameters.download)
    read = [_read(kind, folder, is_training) for is_training in (True, False)]
    classes = CATALOGUE.datasets[name].facts["classes"]
    for _, labels in read:
        if labels.max() >= classes:
            raise InputError(f"{folder}: the labels of {name} go from 0 to {classes - 1}, got {labels.max()}")
    source_digest = digest_parts(*(array for pair in read for array in pair))
    train, test = (Split(Uint8Images(pixels), labels) for pixels, labels in read)
    return assemble_dataset(name, classes, 8, (train, test), source_digest, parameters)


def look_for_official(name: str, parameters: OfficialParameters) -> str:
    """Say where the files of a data set are, or from where they can be downloaded; nothing is downloaded or read.

    Raises:
        InputError: A file is missing and may not or cannot be downloaded.
    """
    kind, folder = _torchvision_class(name), data_folder(parameters.root)
    return look_for_files(kind, folder, parameters.download)


def _torchvision_class(name: str) -> Any:
    """Return the class of torchvision; that of STL-10 without its 100 000 unlabelled images."""
    from torchvision import datasets

    kind = getattr(datasets, _CLASSES[name])
    if kind is datasets.STL10:
        return type("STL10", (kind,), {"train_list": kind.train_list[:2]})
    return kind


def _read(kind: Any, folder: Path, is_training: bool) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Read images (N, C, H, W) and labels (N,)."""
    if hasattr(kind, "resources"):
        return _read_idx(folder / kind.__name__ / "raw", "train" if is_training else "t10k")
    if hasattr(kind, "splits"):
        data = kind(folder, split="train" if is_training else "test")
        return data.data, data.labels.astype(np.int64)
    data = kind(folder, train=is_training)
    return data.data.transpose(0, 3, 1, 2), np.asarray(data.targets, dtype=np.int64)


def _read_idx(folder: Path, prefix: str) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    images, labels = folder / f"{prefix}-images-idx3-ubyte", folder / f"{prefix}-labels-idx1-ubyte"
    pixels, classes = map_idx(images, 3), map_idx(labels, 1).astype(np.int64)
    if len(pixels) != len(classes):
        raise InputError(f"{labels}: has {len(classes)} labels for the {len(pixels)} images of {images.name}")
    return pixels[:, None], classes


load_mnist = partial(_load, "mnist")
load_fashion_mnist = partial(_load, "fashion_mnist")
load_cifar10 = partial(_load, "cifar10")
load_cifar100 = partial(_load, "cifar100")
load_stl10 = partial(_load, "stl10")
