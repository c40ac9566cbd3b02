"""Image files without labels, cropped: what codecs that reconstruct train on and are measured with."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ratefront.catalogue.datasets import ImagesParameters
from ratefront.data.dataset import Dataset, Split
from ratefront.data.hold_out import hold_out_positions
from ratefront.data.images.folder_layout import (
    check_image_folder,
    describe_file_endings,
    list_image_files,
    split_folders,
)
from ratefront.data.images.image_check import channels_of, find_usable_files
from ratefront.data.images.image_decoding import Conversion, decode_image
from ratefront.data.images.image_files import stack_images
from ratefront.errors import InputError

_SHARE = 0.1  # of undivided images to test, and of the rest to validate


@dataclass(frozen=True, eq=False)
class Crops:
    """Crops (N, C, size, size) of image files, ``per_image`` of each: about the centre, or where a seed says.

    Where a crop lies depends on its position among the crops and the seed alone: a second look sees the same.
    """

    paths: Sequence[str]
    size: int
    conversion: Conversion
    per_image: int = 1
    seed: int | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self), self.conversion.channels, self.size, self.size)

    def __len__(self) -> int:
        return len(self.paths) * self.per_image

    def __getitem__(self, index: slice | NDArray[np.int64], /) -> NDArray[np.float32]:
        return stack_images(self._one, np.arange(len(self))[index], self.shape[1:])

    def _one(self, position: int) -> Image.Image:
        image = decode_image(self.paths[position // self.per_image], self.conversion)
        room = (image.width - self.size, image.height - self.size)
        left, top = self._corner(room, position)
        return image.crop((left, top, left + self.size, top + self.size))

    def _corner(self, room: tuple[int, int], position: int) -> tuple[int, int]:
        if self.seed is None:
            return room[0] // 2, room[1] // 2
        drawn = np.random.default_rng([self.seed, position]).integers(0, np.array(room) + 1)
        return int(drawn[0]), int(drawn[1])


def describe_images(parameters: ImagesParameters) -> dict[str, Any]:
    """``shape``; the folder has to be there, headers of files are read up to the first that has colours.

    Raises:
        InputError: The folder is not there.
    """
    files = [name for split in _listed(parameters) for name in split]
    return {
        "shape": (channels_of(Path(parameters.root), files, parameters), parameters.size, parameters.size)
    }


def load_images(parameters: ImagesParameters) -> Dataset:
    """Crops of all images; folders train, val and test divide them, else two tenths are held out. Labels are all 0.

    Raises:
        InputError: There is no folder or too few images, or some cannot be used or are smaller than the crop
            and are not to be skipped.
    """
    root, listed = Path(parameters.root), _listed(parameters)
    found = find_usable_files(root, [name for split in listed for name in split], parameters.size, parameters)
    kept, conversion = set(found.files), found.conversion
    train, validation, test = _divided(
        [[name for name in split if name in kept] for split in listed], parameters
    )
    seed = parameters.split_seed if parameters.crop == "random" else None
    made = [parameters.model_dump(exclude={"root"}), conversion.channels, found.digest]
    return Dataset(
        "images",
        0,
        8 * conversion.channels * parameters.size**2,
        _split(root, train, parameters.size, conversion, parameters.crops_per_image, seed),
        _split(root, validation, parameters.size, conversion),
        _split(root, test, parameters.size, conversion),
        hashlib.sha256(json.dumps(made, sort_keys=True).encode()).hexdigest(),
        validation_is_held_out_of_train=len(listed) < 3,
    )


def _listed(parameters: ImagesParameters) -> list[list[str]]:
    """Files of each split that there is, relative to the root."""
    root = Path(parameters.root)
    check_image_folder(root)
    return [
        [str((folder / name).relative_to(root)) for name in list_image_files(folder)]
        for folder in split_folders(root, holds_classes=False)
    ]


def _divided(listed: list[list[str]], parameters: ImagesParameters) -> list[list[str]]:
    """Training, validation and test files."""
    if len(listed) == 1:
        _check_enough(listed[0], 3, parameters)
        listed = _without(listed[0], parameters.split_seed)
    if len(listed) == 2:
        _check_enough(listed[0], 2, parameters)
        listed = [*_without(listed[0], parameters.split_seed), listed[1]]
    if not all(listed):
        raise InputError(f"{parameters.root}: a split has no usable image")
    return listed


def _check_enough(files: Sequence[str], least: int, parameters: ImagesParameters) -> None:
    if len(files) < least:
        told = "" if files else f"; {describe_file_endings(Path(parameters.root))}"
        raise InputError(f"{parameters.root}: needs at least {least} usable images, found {len(files)}{told}")


def _without(files: Sequence[str], seed: int) -> list[list[str]]:
    return [
        [files[position] for position in positions]
        for positions in hold_out_positions(np.zeros(len(files), dtype=np.int64), _SHARE, seed)
    ]


def _split(
    root: Path,
    files: Sequence[str],
    size: int,
    conversion: Conversion,
    per_image: int = 1,
    seed: int | None = None,
) -> Split:
    crops = Crops([str(root / name) for name in files], size, conversion, per_image, seed)
    return Split(crops, np.zeros(len(crops), dtype=np.int64))
