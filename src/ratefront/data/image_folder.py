"""Labelled image files: a folder a split and in it a folder a class, as ImageNet, or a folder a class alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ratefront.catalogue.datasets import ImageFolderParameters
from ratefront.data.assemble import assemble
from ratefront.data.file_check import content_of, usable
from ratefront.data.file_layout import check_folder, class_names, image_files, split_folders
from ratefront.data.hold_out import check_enough, hold_out_of
from ratefront.data.image_files import Files
from ratefront.data.splits import Dataset, Split
from ratefront.errors import InputError

_TEST_SHARE = 0.1


def describe_image_folder(parameters: ImageFolderParameters) -> dict[str, Any]:
    """``classes`` and ``shape``; the folders are looked at, no file is.

    Raises
    ------
    InputError
        The folder is not there, or holds no class folders.
    """
    classes = _classes(_folders(parameters)[0])
    return {"classes": len(classes), "shape": (3, parameters.size, parameters.size)}


def load_image_folder(parameters: ImageFolderParameters) -> Dataset:
    """The splits as the folders give them. What is missing is held out: a stratified tenth of all to test, of the
    training split to validate.

    Raises
    ------
    InputError
        The folders do not fit, a class has too few images, or files cannot be decoded and are not to be skipped.
    """
    root, folders = Path(parameters.root), _folders(parameters)
    classes = _classes(folders[0])
    listed = [_labelled(folder, root, classes) for folder in folders]
    files = usable(root, [name for split in listed for name in split], 1, parameters.skip_corrupt)
    kept = set(files)
    read = [
        _split(root, {name: label for name, label in split.items() if name in kept}, parameters.size)
        for split in listed
    ]
    if empty := [str(folder) for folder, split in zip(folders, read, strict=True) if not len(split)]:
        raise InputError(f"{', '.join(empty)}: there is no usable image")
    least = 3 if len(read) == 1 else 2 if len(read) == 2 else 1
    _check_all_classes(read[0].labels, classes, folders[0])
    check_enough(read[0].labels, least, str(folders[0]), classes)
    if len(read) == 1:
        read = [*hold_out_of(read[0], _TEST_SHARE, parameters.split_seed)]
    told = f"{parameters.size} {content_of(root, files)}"
    return assemble("image_folder", len(classes), 8, tuple(read), told, parameters)


def _folders(parameters: ImageFolderParameters) -> list[Path]:
    root = Path(parameters.root)
    check_folder(root)
    return split_folders(root, holds_classes=True)


def _classes(folder: Path) -> list[str]:
    if len(names := class_names(folder)) < 2:
        raise InputError(
            f"{folder}: needs a folder for each of two or more classes, found: {', '.join(names) or 'none'}"
        )
    return names


def _labelled(folder: Path, root: Path, classes: Sequence[str]) -> dict[str, int]:
    """Image files of a split, relative to ``root``, with their labels."""
    labels = {name: label for label, name in enumerate(classes)}
    if unknown := [name for name in class_names(folder) if name not in labels]:
        raise InputError(f"{folder}: holds classes that no image trains: {', '.join(unknown)}")
    found = {
        str((folder / name / file).relative_to(root)): label
        for name, label in labels.items()
        for file in image_files(folder / name)
    }
    if not found:
        raise InputError(f"{folder}: there are no image files in its class folders")
    return found


def _split(root: Path, labelled: dict[str, int], size: int) -> Split:
    labels = np.fromiter(labelled.values(), dtype=np.int64, count=len(labelled))
    return Split(Files([str(root / name) for name in labelled], size), labels)


def _check_all_classes(labels: NDArray[np.int64], classes: Sequence[str], folder: Path) -> None:
    present = set(labels.tolist())
    if empty := [name for label, name in enumerate(classes) if label not in present]:
        raise InputError(f"{folder}: there is no usable image of: {', '.join(empty)}")
