"""Paths below a folder that may come from a stranger: no symbolic link on the way leads out of it.

The folder itself may be reached over a link, since its path is the user's own. Everything below it is data. What is
checked is what lies there now: another process that may write to the folder can put a link there a moment later.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from ratefront.errors import InputError


def inside(root: Path, *names: str) -> Path:
    """The path of a file or folder below ``root``, whether it exists or not.

    Args:
        root: The folder.
        names: The names on the way, one for each level.

    Raises:
        InputError: A name is no plain name, or there is something else than a file or a folder: a link, a pipe, a
            device.
    """
    path = str(root)
    for name in names:
        if not _is_plain_name(name):
            raise InputError(f"{root}: {name!r} is not the name of a file in it")
        path = f"{path}{os.sep}{name}"
        try:
            mode = os.lstat(path).st_mode
        except (FileNotFoundError, NotADirectoryError):
            continue
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            raise _refused(path, mode)
    return Path(path)


def check_entries(folder: Path) -> None:
    """Check that a folder, if it is there, holds only files and folders. What lies deeper is not looked at.

    Raises:
        InputError: It holds a link, a pipe or a device.
    """
    try:
        entries = list(os.scandir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return
    for entry in entries:
        if not (entry.is_file(follow_symlinks=False) or entry.is_dir(follow_symlinks=False)):
            inside(folder, entry.name)  # which says what it is, unless it is gone by now


def _is_plain_name(name: str) -> bool:
    """Whether a name stays in the folder that it is used in: one level, not the folder itself, not its parent."""
    return name not in ("", ".", "..") and "/" not in name and "\0" not in name


def _refused(path: str, mode: int) -> InputError:
    if stat.S_ISLNK(mode):
        return InputError(
            f"{path} is a symbolic link, and none is followed in a folder of ratefront: put there what it leads to, or "
            "remove it (the folder as a whole may be reached over a link)"
        )
    return InputError(f"{path} is neither a file nor a folder but a pipe, socket or device: remove it")
