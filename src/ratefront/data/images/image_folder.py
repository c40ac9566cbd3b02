"""The data set ``image_folder``: labelled image files, a folder per class, or as ImageNet a folder per split above."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ratefront.catalogue.datasets import ImageFolderParameters
from ratefront.data.assemble_dataset import assemble_dataset
from ratefront.data.dataset import Dataset, Split
from ratefront.data.hold_out import TEST_SHARE, check_class_sizes, hold_out_split
from ratefront.data.images.folder_layout import (
    check_image_folder,
    class_names,
    describe_file_endings,
    list_image_files,
    split_folders,
)
from ratefront.data.images.image_check import check_some_files, count_channels, find_usable_files
from ratefront.data.images.image_decoding import Conversion
from ratefront.data.images.image_files import ImageFiles
from ratefront.data.images.linked_folders import LinkRule
from ratefront.data.label_statistics import describe_labels, missing_class_remarks
from ratefront.errors import InputError

#: Image files of a split, relative to the root, → their labels.
_Labelled = dict[str, int]


@dataclass(frozen=True)
class _Listing:
    """The splits, classes and files that the folders give."""

    links: LinkRule
    folders: list[Path]
    classes: list[str]
    splits: list[_Labelled]

    @property
    def root(self) -> Path:
        return self.links.root

    @property
    def files(self) -> list[str]:
        return [name for split in self.splits for name in split]

    def only(self, usable: set[str]) -> _Listing:
        """Return the listing with only these files."""
        splits = [{name: label for name, label in split.items() if name in usable} for split in self.splits]
        return _Listing(self.links, self.folders, self.classes, splits)

    @property
    def labels(self) -> list[NDArray[np.int64]]:
        return [np.fromiter(split.values(), dtype=np.int64, count=len(split)) for split in self.splits]


def describe_image_folder(parameters: ImageFolderParameters) -> dict[str, Any]:
    """Describe the folder for the registry: the ``shape`` of a sample, and what ``describe_labels`` returns.

    All files are listed, some hundreds of them are decoded, and headers are read up to the first file that has colours.

    Raises:
        InputError: The folders do not fit, a class has too few files, or some files cannot be used.
    """
    listed = _list_folders(parameters)
    _check(listed)
    check_some_files(listed.root, listed.files, 1, parameters)
    channels = count_channels(listed.root, listed.files, parameters)
    facts = describe_labels(listed.labels, listed.classes)
    return {"shape": (channels, parameters.size, parameters.size)} | facts


def load_image_folder(parameters: ImageFolderParameters) -> Dataset:
    """Load the splits as the folders give them.

    A missing test split is held out as a stratified tenth of all images, a missing validation split as a stratified
    tenth of the training split.

    Raises:
        InputError: The folders do not fit; a class has too few images; or files cannot be used, and ``skip_corrupt`` is
            false.
    """
    listed = _list_folders(parameters)
    usable = find_usable_files(listed.root, listed.files, 1, parameters)
    listed = listed.only(set(usable.files))
    _check(listed)
    read = [_split(listed.root, split, parameters.size, usable.conversion) for split in listed.splits]
    if len(read) == 1:
        read = [*hold_out_split(read[0], TEST_SHARE, parameters.split_seed)]
    digested = [parameters.size, usable.conversion.channels, usable.conversion.background, usable.digest]
    dataset = assemble_dataset(
        "image_folder", len(listed.classes), 8, tuple(read), json.dumps(digested), parameters
    )
    return replace(dataset, remarks=tuple(missing_class_remarks(listed.labels, listed.classes)))


def _list_folders(parameters: ImageFolderParameters) -> _Listing:
    links = LinkRule(Path(parameters.root), parameters.follow_symlinks)
    check_image_folder(links.root)
    folders = split_folders(links.root, links, holds_classes=True)
    classes = _class_folders(folders[0], links)
    return _Listing(links, folders, classes, [_label_files(folder, links, classes) for folder in folders])


def _class_folders(folder: Path, links: LinkRule) -> list[str]:
    if len(names := class_names(folder, links)) < 2:
        raise InputError(
            f"{folder}: needs a folder for each of two or more classes, found: {', '.join(names) or 'none'}"
        )
    return names


def _label_files(folder: Path, links: LinkRule, classes: Sequence[str]) -> _Labelled:
    labels = {name: label for label, name in enumerate(classes)}
    if unknown := [name for name in class_names(folder, links) if name not in labels]:
        raise InputError(f"{folder}: holds classes that no image trains: {', '.join(unknown)}")
    below = "" if folder == links.root else f"{folder.relative_to(links.root)}/"
    labelled = {
        f"{below}{name}/{file}": label
        for name, label in labels.items()
        for file in list_image_files(folder / name, links)
    }
    if not labelled:
        raise InputError(
            f"{folder}: there are no image files in its class folders; {describe_file_endings(folder, links)}"
        )
    return labelled


def _check(listed: _Listing) -> None:
    """Check that every split has images, and that every class has enough for training and for what is held out."""
    pairs = zip(listed.folders, listed.splits, strict=True)
    if empty := [str(folder) for folder, split in pairs if not split]:
        raise InputError(f"{', '.join(empty)}: there is no usable image")
    labels, folder, classes = listed.labels[0], listed.folders[0], listed.classes
    present = set(labels.tolist())
    if absent := [name for label, name in enumerate(classes) if label not in present]:
        endings = describe_file_endings(folder / absent[0], listed.links)
        raise InputError(
            f"{folder}: there is no usable image of: {', '.join(absent)}; {absent[0]}: {endings}"
        )
    check_class_sizes(labels, {1: 3, 2: 2}.get(len(listed.splits), 1), str(folder), classes)


def _split(root: Path, labelled: _Labelled, size: int, conversion: Conversion) -> Split:
    labels = np.fromiter(labelled.values(), dtype=np.int64, count=len(labelled))
    return Split(ImageFiles([f"{root}/{name}" for name in labelled], size, conversion), labels)
