"""Image files that are decoded when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from ratefront.data.samples import from_bytes
from ratefront.errors import InputError

#: Names of image files end so, in small letters or capitals.
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".ppm", ".pgm")

Result = TypeVar("Result")


def decode(path: str) -> Image.Image:
    """The whole image, in RGB.

    Raises
    ------
    InputError
        It cannot be decoded.
    """
    if isinstance(found := _decoded(path, 1), str):
        raise InputError(f"{path}: cannot be used as an image: {found}")
    return found


def problem_with(path: str, at_least: int) -> str | None:
    """Why the file is no image of so many pixels a side, or None. It is decoded to its end, for many are cut off."""
    found = _decoded(path, at_least)
    return found if isinstance(found, str) else None


def _decoded(path: str, at_least: int) -> Image.Image | str:
    try:
        with Image.open(path) as image:
            if image.mode[0] in "IF":
                return f"has more than 8 bits a value (mode {image.mode}), which would be cut off"
            if min(image.size) < at_least:
                return f"is {image.width}×{image.height} pixels, smaller than the {at_least} a side asked for"
            return image.convert("RGB")
    except Exception as error:  # of many kinds, by decoder: OSError, SyntaxError, struct.error, …
        return str(error).replace(path, Path(path).name) or type(error).__name__


@dataclass(frozen=True, eq=False)
class Files:
    """Images (N, 3, size, size): the shorter side resized to ``size`` pixels, then cropped about the centre."""

    paths: Sequence[str]  # text, since a million of paths would take half a gigabyte
    size: int

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self.paths), 3, self.size, self.size)

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: slice | NDArray[np.int64], /) -> NDArray[np.float32]:
        return stacked(self._one, np.arange(len(self))[index], self.size)

    def _one(self, position: int) -> Image.Image:
        side = (self.size, self.size)
        return ImageOps.fit(decode(self.paths[position]), side, Image.Resampling.BILINEAR)


def stacked(
    one: Callable[[int], Image.Image], positions: NDArray[np.int64], size: int
) -> NDArray[np.float32]:
    """RGB images of size × size pixels, by their positions, as (n, 3, size, size) in [0, 1]."""
    pixels = np.empty((len(positions), size, size, 3), dtype=np.uint8)
    for place, image in enumerate(in_threads(one, positions.tolist())):
        pixels[place] = np.asarray(image)
    return from_bytes(pixels.transpose(0, 3, 1, 2))


def in_threads(work: Callable[..., Result], items: Sequence[object]) -> list[Result]:
    """In order, with as many threads as this process computes with: Pillow decodes outside of Python's lock."""
    import torch

    threads = min(torch.get_num_threads(), len(items))
    if threads <= 1:
        return [work(item) for item in items]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, items))
