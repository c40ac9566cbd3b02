"""The data sets that a file, a folder or a name may stand for in a first sweep."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

from ratefront.catalogue import CATALOGUE
from ratefront.data.images.folder_layout import check_image_folder, describe_file_endings, list_image_files
from ratefront.data.images.image_decoding import open_image
from ratefront.data.images.linked_folders import LinkRule
from ratefront.errors import InputError
from ratefront.spec.problem_wording import unknown
from ratefront.spec.sweep_spec import Named
from ratefront.wording import Argument, Message

#: Sides in pixels at which photographs are tried, the largest first. Each costs at most about half of the one before.
_SIDES = (128, 96, 64, 32)
_SMALLEST_SIDE = 8
_MOST_IMAGES_READ = 200
_NEED_A_PATH = ("arrays", "image_folder", "images")


def dataset_candidates(data: Path | str, kind: str | None) -> list[Named]:
    """Return the data set as a sweep file names it; a folder of images at several sizes, the largest first.

    Args:
        data: An npz file, a folder of labelled images, or the name of a data set.
        kind: What the arrays of an npz file hold, ``images`` or ``points``; None: it is found out.

    Raises:
        InputError: There is no such file, folder or data set; the folder has no image; or ``kind`` is given though
            ``data`` is not an npz file.
    """
    path = Path(data)
    if path.is_file():
        return [_named("arrays", path=str(data), **({"kind": kind} if kind else {}))]
    if kind is not None:
        raise InputError(
            Message(
                Argument("kind", kind), f" says what the arrays of an npz file hold, but {data} is not a file"
            )
        )
    if path.is_dir():
        return [_named("image_folder", root=str(data), size=side) for side in _sides(path)]
    names = [name for name in CATALOGUE.datasets if name not in _NEED_A_PATH]
    if str(data) in names:
        return [_named(str(data))]
    raise InputError(f"{data}: there is no such file or folder; {unknown('data set', str(data), names)}")


def _named(name: str, **values: Any) -> Named:
    """Name a data set with absolute paths, so that the sweep file can be used from another folder."""
    parameters = CATALOGUE.datasets[name].parameters.model_validate(values)
    return Named.model_validate({"name": name, **parameters.model_dump(include=set(values))})


def _sides(root: Path) -> list[int]:
    """Return the usual sides that the images have, or their own side where they are smaller than all of these."""
    check_image_folder(root)
    links = LinkRule(root)
    shorter = list(islice(_shorter_sides(links), _MOST_IMAGES_READ))
    if not shorter:
        raise InputError(
            f"{root}: there are no image files in it that can be read; {describe_file_endings(root, links)}"
        )
    typical = max(int(median(shorter)), _SMALLEST_SIDE)
    if typical in range(_SIDES[-1], _SIDES[0]):
        return [typical, *(side for side in _SIDES if side < typical)]
    return [side for side in _SIDES if side <= typical] or [typical]


def _shorter_sides(links: LinkRule) -> Iterator[int]:
    """Yield the shorter side of images from all over the folder; only their headers are read."""
    files = list(list_image_files(links.root, links))
    for name in files[:: max(1, len(files) // _MOST_IMAGES_READ)]:
        with (
            suppress(Exception),
            open_image(str(links.root / name)) as image,
        ):  # files that are no images are reported when all are read
            yield min(image.size)
