"""Files that a user names as output: only a new name, or a regular file that is not read as well.

A symbolic link, a device or a pipe is not replaced: as root, a file would take the place of ``/dev/full``. In a sweep's
folder there is room for other files, but none gets a name that ratefront uses there itself.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable
from pathlib import Path

from ratefront.errors import InputError
from ratefront.store.files.atomic_files import write_bytes

_LEDGER = "ledger.jsonl"  # what makes a folder that of a sweep
#: The names of ``store.sweep_folder``, as paths in the folder.
_NAMES_OF_A_SWEEP = re.compile(
    r"ledger\.(jsonl|lock)|spec\.yaml|environment(-\d+)?\.(json|diff)|trials\.csv|(summary|importance|forecast)\.json|report\.html"
    r"|front\.(png|csv)|task_model\.progress\.json|(task_model|requests|trials)|(task_model|requests)/.*"
    r"|trials/[^/]+(/(codec\.json|(codec|checkpoint)\.safetensors|stream\.bin|samples\.npz))?",
    re.DOTALL,
)


def check_output(path: Path, reads: Iterable[Path] = ()) -> None:
    """Check that a file can be written, before the work that makes its content.

    Args:
        path: The file to write.
        reads: Files that are read for it, or written besides it. They need not exist.

    Raises:
        InputError: The path is something other than a regular file or a new name in a folder that may be written to;
            or it is one of the files to read, under whatever name; or ratefront itself uses its name in a sweep's
            folder.
    """
    found = _mode_of(path)
    if found is not None and not stat.S_ISREG(found):
        raise InputError(
            f"{path} cannot be written: it is {_kind(found)}; give a new name, or a regular file that is to be replaced"
        )
    _check_folder_above(path)
    for read in reads:
        if _is_same(path, read):
            raise InputError(
                f"{path} cannot be written: it is {read}; the files to read and to write must be different ones"
            )
    _check_not_of_a_sweep(path)


def check_name(path: Path) -> None:
    """Check that a new file or folder may have this name, whatever is there now.

    Raises:
        InputError: It cannot be a name, its folder is missing or may not be written to, or ratefront itself uses the
            name in a sweep's folder.
    """
    _mode_of(path)
    _check_folder_above(path)
    _check_not_of_a_sweep(path)


def _check_folder_above(path: Path) -> None:
    folder = path.absolute().parent
    if not folder.is_dir():
        raise InputError(f"{path} cannot be written: there is no folder {path.parent}")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InputError(f"{path} cannot be written: the folder {path.parent} is not yours to write to")


def _check_not_of_a_sweep(path: Path) -> None:
    if sweep := _sweep_with(path):
        raise InputError(
            f"{path} cannot be written: ratefront uses this name itself in the sweep's folder {sweep}; give another"
        )


def _sweep_with(path: Path) -> Path | None:
    """Return the sweep's folder in which ratefront itself uses this path; None if there is none."""
    place = path.absolute().parent.resolve() / path.name
    for folder in place.parents[:3]:
        name = place.relative_to(folder).as_posix()
        if _NAMES_OF_A_SWEEP.fullmatch(name) and (folder / _LEDGER).is_file():
            return folder
    return None


def write_output(path: Path, content: bytes, reads: Iterable[Path] = ()) -> None:
    """Write a file that the user has named, whole or not at all.

    Raises:
        InputError: As ``check_output``, or the disk is full.
    """
    check_output(path, reads)
    try:
        write_bytes(path, content)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror or error}") from error


def _mode_of(path: Path) -> int | None:
    """Return the mode of what is at the path itself, links not followed; None if there is nothing."""
    try:
        return path.lstat().st_mode
    except (FileNotFoundError, NotADirectoryError):  # its folder is checked next
        return None
    except (OSError, ValueError) as error:  # as a name that is too long, or one with a NUL
        raise InputError(f"{path} cannot be written: {getattr(error, 'strerror', None) or error}") from error


def _kind(mode: int) -> str:
    if stat.S_ISDIR(mode):
        return "a folder"
    if stat.S_ISLNK(mode):
        return "a symbolic link"
    if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode):
        return "a pipe or socket"
    return "a device"


def _is_same(path: Path, other: Path) -> bool:
    """Return whether both are one file, also as hard links or behind a symbolic link; two new files by their paths."""
    try:
        return path.samefile(other)
    except (OSError, ValueError):  # one does not exist
        return path.resolve() == other.resolve()
