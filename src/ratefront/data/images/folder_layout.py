"""How image files lie in folders: one folder per split, one folder per class."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from ratefront.data.images.image_files import SUFFIXES
from ratefront.data.images.linked_folders import LinkRule
from ratefront.errors import InputError

_VALIDATION = ("val", "validation", "valid")
_LIKE_SPLITS = {*_VALIDATION, "train", "training", "dev", "eval", "test", "testing"}
_SHOWN = 5
_RENAME = "Splits are called train, val and test, in small letters: rename the folders"


def check_image_folder(root: Path) -> None:
    """Check that ``root`` is a folder.

    Raises:
        InputError: It does not exist, or it is a file.
    """
    if root.is_dir():
        return
    if not root.exists():
        raise InputError(f"{root}: there is no such folder")
    if root.suffix.lower() == ".npz":
        advice = "the data set arrays reads npz files: {name: arrays, path: …}"
    else:
        advice = "an archive has to be unpacked, and of files the folder that holds them is named"
    raise InputError(f"{root}: is a file, and a folder of image files is needed; {advice}")


def class_names(folder: Path, links: LinkRule) -> list[str]:
    """Return the names of the folders in a folder, sorted; the position of a name is its label.

    Raises:
        InputError: One of them is a link that must not be followed.
    """
    return links.list_folder(folder).folders


def split_folders(root: Path, links: LinkRule, *, holds_classes: bool) -> list[Path]:
    """Return the folders of training, (validation) and test split; the root alone if it is not divided.

    The validation folder is called val, validation or valid. Without a test folder, as in ImageNet with its labels, the
    validation split is the test split.

    Args:
        root: The folder of the data set.
        links: Which links are followed.
        holds_classes: Whether a split has a folder per class; else it has image files.

    Raises:
        InputError: There is a training split but nothing to test on, or a folder has nearly the name of a split.
    """

    def has(name: str) -> bool:
        folder = root / name
        return folder.is_dir() and (
            bool(class_names(folder, links)) if holds_classes else any(list_image_files(folder, links))
        )

    names = class_names(root, links)
    like_splits = [name for name in names if name.lower() in _LIKE_SPLITS]
    if not has("train"):
        if holds_classes and len(names) > 1 and like_splits == names:
            raise InputError(f"{root}: are {', '.join(names)} classes or splits? {_RENAME}")
        return [root]
    used = ["train", *[name for name in _VALIDATION if has(name)][:1], *["test"] * has("test")]
    if unused := [name for name in like_splits if name not in used and has(name)]:
        raise InputError(f"{root}: {', '.join(unused)} would be left out beside {', '.join(used)}. {_RENAME}")
    if len(used) == 1:
        raise InputError(f"{root}: has train, but neither val nor test with images beside it")
    return [root / name for name in used]


def describe_file_endings(folder: Path, links: LinkRule) -> str:
    """Say which file name endings were found below a folder, and which ones are read as images."""
    endings = Counter(Path(name).suffix.lower() or "none" for name in links.files_below(folder))
    shown = ", ".join(f"{ending} ({count})" for ending, count in endings.most_common(_SHOWN))
    return f"endings found: {shown or 'no file'}; those that are read: {', '.join(SUFFIXES)}"


def list_image_files(folder: Path, links: LinkRule) -> Iterator[str]:
    """Yield the paths of image files below a folder, relative to it; hidden files are left out.

    Raises:
        InputError: One of them, or a folder, is a link that must not be followed.
    """
    return links.files_below(folder, SUFFIXES)
