"""Check whether image files can be used: each is decoded once, when a folder is opened for the first time.

The result is kept in the cache for as long as no file changes its path below the folder, its size, or the time of its
last change. The place of the folder does not matter: data that were moved are the same data.
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

from ratefront.cache_folders import cache_folder
from ratefront.catalogue.datasets import FilesParameters
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

#: What is known of files that were checked by other rules is found out again.
_RULES = b"2\n"
_SHOWN = 5
_MOST_CHECKED_FILES = 500  # in a check of the sweep file: some seconds of decoding


@dataclass(frozen=True)
class UsableFiles:
    """Files that can be used, the conversion of all of them, and a digest of their paths and contents."""

    files: list[str]
    conversion: Conversion
    digest: str


@dataclass(frozen=True)
class _CheckedFiles:
    """The result for all files: why some cannot be used, a digest of the others, and whether any file has colours.

    The field names are the keys of the cache file.
    """

    problems: dict[str, str]
    content: str
    has_colours: bool


def find_usable_files(
    root: Path, files: Sequence[str], at_least: int, parameters: FilesParameters
) -> UsableFiles:
    """Return the files that can be decoded and have ``at_least`` pixels per side.

    Args:
        root: The folder of the data set.
        files: Paths relative to ``root``.
        at_least: The smallest side in pixels.
        parameters: The parameters of the data set.

    Raises:
        InputError: Some files cannot be used, and ``skip_corrupt`` is false. The message says how many, which and why.
    """
    result = _check_all_files(root, files, at_least, parameters)
    if result.problems:
        _report_problems(root, result.problems, len(files), parameters)
    kept = [name for name in files if name not in result.problems]
    return UsableFiles(kept, _conversion(result.has_colours, parameters), result.content)


def check_some_files(root: Path, files: Sequence[str], at_least: int, parameters: FilesParameters) -> None:
    """Check all files if they are few, else some files at even distances.

    Raises:
        InputError: As ``find_usable_files``.
    """
    if parameters.skip_corrupt:
        return
    if len(files) <= _MOST_CHECKED_FILES:
        find_usable_files(root, files, at_least, parameters)
        return
    some = files[:: -(-len(files) // _MOST_CHECKED_FILES)]
    check = partial(check_image_file, at_least=at_least, background=parameters.background)
    result = _combine(some, map_in_threads(check, [str(root / name) for name in some]))
    if result.problems:
        _report_problems(root, result.problems, len(some), parameters)


def count_channels(root: Path, files: Sequence[str], parameters: FilesParameters) -> int:
    """Return the number of channels that ``find_usable_files`` will find; headers are read up to the first colour."""
    if parameters.channels is not None or not files:
        return parameters.channels or 3
    if has_colours(str(root / files[0])):
        return 3
    kept = _cache_path(f"{_listing_digest(root, files)}-colours")
    with suppress(OSError, ValueError):
        return 3 if json.loads(kept.read_text(encoding="utf-8")) else 1
    colours = any(has_colours(str(root / name)) for name in files)
    _write_cache(kept, colours)
    return 3 if colours else 1


def _conversion(colours: bool, parameters: FilesParameters) -> Conversion:
    return Conversion(parameters.channels or (3 if colours else 1), parameters.background)


def _report_problems(root: Path, problems: dict[str, str], files: int, parameters: FilesParameters) -> None:
    shown = "; ".join(f"{name} ({why})" for name, why in list(problems.items())[:_SHOWN])
    more = f"; and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
    summary = f"{root}: {len(problems)} of {files} image files cannot be used: {shown}{more}"
    if parameters.skip_corrupt:
        _log.warning("%s. They are left out", summary)
        return
    lay_on = "lay transparent ones on a background: white (or black); " * (
        IS_TRANSPARENT in problems.values()
    )
    raise InputError(f"{summary}. Repair or remove them; {lay_on}or leave them out with skip_corrupt: true")


def _check_all_files(
    root: Path, files: Sequence[str], at_least: int, parameters: FilesParameters
) -> _CheckedFiles:
    listing = _listing_digest(root, files)
    transparency = "transparent" if parameters.background else "opaque"
    kept = _cache_path(f"{listing}-{at_least}-{transparency}")
    with suppress(OSError, ValueError, TypeError):
        return _CheckedFiles(**json.loads(kept.read_text(encoding="utf-8")))
    check = partial(check_image_file, at_least=at_least, background=parameters.background)
    result = _combine(files, map_in_threads(check, [str(root / name) for name in files]))
    _write_cache(kept, asdict(result))
    _write_cache(_cache_path(f"{listing}-colours"), result.has_colours)
    return result


def _combine(files: Sequence[str], checks: Sequence[ImageCheck]) -> _CheckedFiles:
    problems, total = {}, hashlib.sha256()
    for name, check in zip(files, checks, strict=True):
        if check.problem:
            problems[name] = check.problem
        else:
            total.update(f"{name}\0{check.digest}\n".encode(errors="surrogateescape"))
    return _CheckedFiles(problems, total.hexdigest(), any(check.has_colours for check in checks))


def _cache_path(name: str) -> Path:
    return cache_folder() / "data" / "checked" / f"{name}.json"


def _write_cache(path: Path, content: Any) -> None:
    # If the cache or a name cannot be written, the next check decodes again.
    with suppress(OSError, ValueError):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, content)


def _listing_digest(root: Path, files: Sequence[str]) -> str:
    """Return a digest of paths, sizes and times.

    The times are that of the last change, which a copy may keep, and that of the file's entry, which it cannot keep.
    """
    total, folder = hashlib.sha256(_RULES), str(root)
    for name in files:
        try:
            status = os.stat(f"{folder}/{name}")  # noqa: PTH116  (creating a Path takes longer than the call)
        except OSError:  # a link to nothing, which the check reports
            total.update(f"{name}\0\n".encode(errors="surrogateescape"))
            continue
        entry = f"{name}\0{status.st_size}\0{status.st_mtime_ns}\0{status.st_ctime_ns}\n"
        total.update(entry.encode(errors="surrogateescape"))
    return total.hexdigest()
