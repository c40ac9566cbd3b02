"""The data set ``images``: crops of image files without labels, for codecs that reconstruct images."""

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
from ratefront.data.images.image_check import count_channels, find_usable_files
from ratefront.data.images.image_decoding import Conversion, decode_image
from ratefront.data.images.image_files import stack_images
from ratefront.data.images.linked_folders import LinkRule
from ratefront.errors import InputError

_SHARE = 0.1  # of undivided images for test, and of the rest for validation


@dataclass(frozen=True, eq=False)
class Crops:
    """Crops (N, C, size, size) of image files, ``per_image`` of each, at the centre or at random.

    The place of a crop depends on its position among the crops and the seed alone: each access gives the same crop.
    ``seed`` None: crops are taken at the centre.
    """

    paths: Sequence[str]
    size: int
    conversion: Conversion
    per_image: int = 1
    seed: int | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of all crops, (N, C, size, size)."""
        return (len(self), self.conversion.channels, self.size, self.size)

    def __len__(self) -> int:
        return len(self.paths) * self.per_image

    def __getitem__(self, index: slice | NDArray[np.int64], /) -> NDArray[np.float32]:
        return stack_images(self._crop_at, np.arange(len(self))[index], self.shape[1:])

    def _crop_at(self, position: int) -> Image.Image:
        image = decode_image(self.paths[position // self.per_image], self.conversion)
        margin = (image.width - self.size, image.height - self.size)
        left, top = self._corner(margin, position)
        return image.crop((left, top, left + self.size, top + self.size))

    def _corner(self, margin: tuple[int, int], position: int) -> tuple[int, int]:
        if self.seed is None:
            return margin[0] // 2, margin[1] // 2
        drawn = np.random.default_rng([self.seed, position]).integers(0, np.array(margin) + 1)
        return int(drawn[0]), int(drawn[1])


def describe_images(parameters: ImagesParameters) -> dict[str, Any]:
    """Describe the folder for the registry: the ``shape`` of a crop; headers are read up to the first colour.

    Raises:
        InputError: The folder does not exist.
    """
    files = [name for split in _list_files(parameters) for name in split]
    return {
        "shape": (count_channels(Path(parameters.root), files, parameters), parameters.size, parameters.size)
    }


def load_images(parameters: ImagesParameters) -> Dataset:
    """Load crops of all images; all labels are 0.

    The folders train, val and test divide the images; otherwise, a tenth is held out for test and for validation each.

    Raises:
        InputError: There is no folder or too few images; or some cannot be used or are smaller than the crop, and
            ``skip_corrupt`` is false.
    """
    root, listed = Path(parameters.root), _list_files(parameters)
    usable = find_usable_files(
        root, [name for split in listed for name in split], parameters.size, parameters
    )
    kept, conversion = set(usable.files), usable.conversion
    train, validation, test = _divide(
        [[name for name in split if name in kept] for split in listed], parameters
    )
    seed = parameters.split_seed if parameters.crop == "random" else None
    digested = [
        parameters.model_dump(exclude={"root", "follow_symlinks"}),
        conversion.channels,
        usable.digest,
    ]
    return Dataset(
        "images",
        0,
        8 * conversion.channels * parameters.size**2,
        _split(root, train, parameters.size, conversion, parameters.crops_per_image, seed),
        _split(root, validation, parameters.size, conversion),
        _split(root, test, parameters.size, conversion),
        hashlib.sha256(json.dumps(digested, sort_keys=True).encode()).hexdigest(),
        validation_is_held_out_of_train=len(listed) < 3,
    )


def _list_files(parameters: ImagesParameters) -> list[list[str]]:
    """Return the files of each split that is present, relative to the root."""
    links = _link_rule(parameters)
    check_image_folder(links.root)
    return [
        [str((folder / name).relative_to(links.root)) for name in list_image_files(folder, links)]
        for folder in split_folders(links.root, links, holds_classes=False)
    ]


def _link_rule(parameters: ImagesParameters) -> LinkRule:
    return LinkRule(Path(parameters.root), parameters.follow_symlinks)


def _divide(listed: list[list[str]], parameters: ImagesParameters) -> list[list[str]]:
    """Return the files of the training, validation and test split."""
    if len(listed) == 1:
        _check_enough(listed[0], 3, parameters)
        listed = _hold_out(listed[0], parameters.split_seed)
    if len(listed) == 2:
        _check_enough(listed[0], 2, parameters)
        listed = [*_hold_out(listed[0], parameters.split_seed), listed[1]]
    if not all(listed):
        raise InputError(f"{parameters.root}: a split has no usable image")
    return listed


def _check_enough(files: Sequence[str], least: int, parameters: ImagesParameters) -> None:
    if len(files) < least:
        endings = "" if files else f"; {describe_file_endings(Path(parameters.root), _link_rule(parameters))}"
        raise InputError(
            f"{parameters.root}: needs at least {least} usable images, found {len(files)}{endings}"
        )


def _hold_out(files: Sequence[str], seed: int) -> list[list[str]]:
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
