"""Write small data in the layouts that the loaders read, and load them by the names of sweep files."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ratefront.catalogue import CATALOGUE
from ratefront.data.dataset import Dataset

RANDOM = np.random.default_rng(0)


def load(name: str, **parameters: Any) -> Dataset:
    """Load a data set as ``load_dataset`` does, but read it again each time."""
    registered = CATALOGUE.datasets[name]
    dataset: Dataset = registered.load()(registered.parameters.model_validate(parameters))
    return dataset


def describe(name: str, **parameters: Any) -> dict[str, Any]:
    """Return the registry's description of a data set."""
    registered = CATALOGUE.datasets[name]
    return registered.facts_for(registered.parameters.model_validate(parameters))


def pixels(*shape: int) -> NDArray[np.uint8]:
    """Return random pixels."""
    return RANDOM.integers(0, 256, shape, dtype=np.uint8)


def write_idx(path: Path, array: NDArray[np.uint8]) -> None:
    """Write an array as an idx file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    path.write_bytes(header + array.tobytes())


def write_mnist(folder: Path, name: str = "MNIST", train: int = 200, test: int = 30) -> Path:
    """Write MNIST as torchvision lays it out, with 10 classes in turn; return the folder of the four files."""
    raw = folder / name / "raw"
    for prefix, count in (("train", train), ("t10k", test)):
        write_idx(raw / f"{prefix}-images-idx3-ubyte", pixels(count, 28, 28))
        write_idx(raw / f"{prefix}-labels-idx1-ubyte", np.arange(count, dtype=np.uint8) % 10)
    return raw


def arrays(**changes: Any) -> dict[str, Any]:
    """Return grey images of 9×8 pixels in 4 classes as an npz file holds them; None leaves an array out."""
    made: dict[str, Any] = {
        "x_train": pixels(40, 9, 8),
        "y_train": np.arange(40) % 4,
        "x_test": pixels(8, 9, 8),
        "y_test": np.arange(8) % 4,
    }
    return {name: array for name, array in (made | changes).items() if array is not None}


def write_npz(path: Path, **changes: Any) -> Path:
    """Write ``arrays`` to an npz file."""
    np.savez(path, **arrays(**changes))
    return path


def write_image(path: Path, width: int = 12, height: int = 12) -> NDArray[np.uint8]:
    """Write an image of noise; return its pixels (height, width, 3)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    made = pixels(height, width, 3)
    Image.fromarray(made).save(path)
    return made


def write_classes(folder: Path, count: int, classes: tuple[str, ...] = ("cat", "dog"), **size: int) -> Path:
    """Write ``count`` images into a folder per class."""
    for name in classes:
        for number in range(count):
            write_image(folder / name / f"{number:02}.png", **size)
    return folder
