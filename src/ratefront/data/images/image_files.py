"""Image files as samples: each is decoded on access."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from ratefront.data.images.image_decoding import Conversion, decode_image
from ratefront.data.stored_samples import uint8_to_float32

#: The endings of names of image files, in small letters or capitals.
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".ppm", ".pgm")

Result = TypeVar("Result")


@dataclass(frozen=True, eq=False)
class ImageFiles:
    """Images (N, C, size, size): the shorter side is resized to ``size`` pixels, then the centre is cropped."""

    paths: Sequence[str]  # strings: a million Path objects would take half a gigabyte
    size: int
    conversion: Conversion

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of all images, (N, C, size, size)."""
        return (len(self.paths), self.conversion.channels, self.size, self.size)

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: slice | NDArray[np.int64], /) -> NDArray[np.float32]:
        return stack_images(self._decode_at, np.arange(len(self))[index], self.shape[1:])

    def _decode_at(self, position: int) -> Image.Image:
        side = (self.size, self.size)
        return ImageOps.fit(
            decode_image(self.paths[position], self.conversion), side, Image.Resampling.BILINEAR
        )


def stack_images(
    decode_one: Callable[[int], Image.Image], positions: NDArray[np.int64], shape: tuple[int, ...]
) -> NDArray[np.float32]:
    """Decode images and stack them as an array (n, C, height, width) in [0, 1].

    Args:
        decode_one: Decodes the image at a position.
        positions: The positions (n,).
        shape: The shape of one image, (C, height, width).
    """
    channels, height, width = shape
    pixels = np.empty((len(positions), height, width, channels), dtype=np.uint8)
    for index, image in enumerate(map_in_threads(decode_one, positions.tolist())):
        pixels[index] = np.asarray(image).reshape(height, width, channels)
    return uint8_to_float32(pixels.transpose(0, 3, 1, 2))


def map_in_threads(work: Callable[..., Result], items: Sequence[object]) -> list[Result]:
    """Apply ``work`` to all items in order, with as many threads as torch uses: Pillow decodes without the GIL."""
    import torch

    threads = min(torch.get_num_threads(), len(items))
    if threads <= 1:
        return [work(item) for item in items]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, items))
