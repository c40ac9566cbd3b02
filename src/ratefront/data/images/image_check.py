"""What image files hold and whether they can be used: each is decoded once, when a folder is opened for the first time.

What was found is kept in the cache for as long as no file changes its path below the folder, its size, or the time of
its last change. Where the folder lies is no part of it: data that were moved are the same data.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ratefront.catalogue.datasets import FilesParameters
from ratefront.data.cache_folders import cache_folder
from ratefront.data.images.image_decoding import (
    IS_TRANSPARENT,
    Conversion,
    ImageCheck,
    check_image_file,
    has_colours,
)
from ratefront.data.images.image_files import map_in_threads
from ratefront.errors import InputError
from ratefront.store.files.atomic_files import write_json

_log = logging.getLogger(__name__)

_SHOWN = 5
_FIRST_LOOK = 500  # files: some seconds of decoding


@dataclass(frozen=True)
class UsableFiles:
    """Files that can be used, what they are made to, and a digest of their paths and contents."""

    files: list[str]
    conversion: Conversion
    digest: str


@dataclass(frozen=True)
class _Found:
    """Of all files together: why some cannot be used; a digest of the others; whether any of all has colours."""

    problems: dict[str, str]
    content: str
    has_colours: bool


def find_usable_files(
    root: Path, files: Sequence[str], at_least: int, parameters: FilesParameters
) -> UsableFiles:
    """Those of the files, relative to ``root``, that can be decoded and have ``at_least`` pixels a side.

    Raises:
        InputError: Some cannot be used, and are not to be skipped: how many, which, and why.
    """
    found = _found(root, files, at_least, parameters)
    if found.problems:
        _tell(root, found.problems, len(files), parameters)
    kept = [name for name in files if name not in found.problems]
    return UsableFiles(kept, _conversion(found.has_colours, parameters), found.content)


def check_some_files(root: Path, files: Sequence[str], at_least: int, parameters: FilesParameters) -> None:
    """As ``usable``, of all files where they are few enough for a first look, else of some from all over the folder.

    Raises:
        InputError: As ``usable``.
    """
    if parameters.skip_corrupt:
        return
    if len(files) <= _FIRST_LOOK:
        find_usable_files(root, files, at_least, parameters)
        return
    some = files[:: -(-len(files) // _FIRST_LOOK)]
    look = partial(check_image_file, at_least=at_least, background=parameters.background)
    found = _together(some, map_in_threads(look, [str(root / name) for name in some]))
    if found.problems:
        _tell(root, found.problems, len(some), parameters)


def channels_of(root: Path, files: Sequence[str], parameters: FilesParameters) -> int:
    """Those that ``usable`` will find, told from the files' headers: up to the first that has colours."""
    if parameters.channels is not None or not files:
        return parameters.channels or 3
    if has_colours(str(root / files[0])):
        return 3
    kept = _place(f"{_listing(root, files)}-colours")
    with suppress(OSError, ValueError):
        return 3 if json.loads(kept.read_text(encoding="utf-8")) else 1
    colours = any(has_colours(str(root / name)) for name in files)
    _keep(kept, colours)
    return 3 if colours else 1


def _conversion(colours: bool, parameters: FilesParameters) -> Conversion:
    return Conversion(parameters.channels or (3 if colours else 1), parameters.background)


def _tell(root: Path, problems: dict[str, str], files: int, parameters: FilesParameters) -> None:
    shown = "; ".join(f"{name} ({why})" for name, why in list(problems.items())[:_SHOWN])
    more = f"; and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
    told = f"{root}: {len(problems)} of {files} image files cannot be used: {shown}{more}"
    if parameters.skip_corrupt:
        _log.warning("%s. They are left out", told)
        return
    lay_on = "lay transparent ones on a background: white (or black); " * (
        IS_TRANSPARENT in problems.values()
    )
    raise InputError(f"{told}. Repair or remove them; {lay_on}or leave them out with skip_corrupt: true")


def _found(root: Path, files: Sequence[str], at_least: int, parameters: FilesParameters) -> _Found:
    listing = _listing(root, files)
    transparency = "transparent" if parameters.background else "opaque"
    kept = _place(f"{listing}-{at_least}-{transparency}")
    with suppress(OSError, ValueError, TypeError):
        return _Found(**json.loads(kept.read_text(encoding="utf-8")))
    look = partial(check_image_file, at_least=at_least, background=parameters.background)
    found = _together(files, map_in_threads(look, [str(root / name) for name in files]))
    _keep(kept, asdict(found))
    _keep(_place(f"{listing}-colours"), found.has_colours)
    return found


def _together(files: Sequence[str], looks: Sequence[ImageCheck]) -> _Found:
    problems, total = {}, hashlib.sha256()
    for name, look in zip(files, looks, strict=True):
        if look.problem:
            problems[name] = look.problem
        else:
            total.update(f"{name}\0{look.digest}\n".encode(errors="surrogateescape"))
    return _Found(problems, total.hexdigest(), any(look.has_colours for look in looks))


def _place(name: str) -> Path:
    return cache_folder() / "data" / "checked" / f"{name}.json"


def _keep(path: Path, found: Any) -> None:
    with suppress(OSError, ValueError):  # a cache that cannot be written, or a name, only costs the next look
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, found)


def _listing(root: Path, files: Sequence[str]) -> str:
    """A digest of paths, sizes and times: of the last change, which a copy may keep, and of the file's entry, which it
    cannot."""
    total, folder = hashlib.sha256(), str(root)
    for name in files:
        status = os.stat(f"{folder}/{name}")  # noqa: PTH116  (a Path each would take longer than the answer)
        told = f"{name}\0{status.st_size}\0{status.st_mtime_ns}\0{status.st_ctime_ns}\n"
        total.update(told.encode(errors="surrogateescape"))
    return total.hexdigest()
