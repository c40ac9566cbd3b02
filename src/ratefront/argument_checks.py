"""Checks what callers of the library pass: paths and numbers are converted, or refused with a sentence."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from math import inf, nan
from operator import index
from pathlib import Path
from typing import SupportsFloat, SupportsIndex

from ratefront.errors import InputError

#: Counts and seeds of a caller fit where 32 bits are kept for them.
MOST_COUNT = 2**31 - 1
#: An address whose two slashes a path has made one.
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+:/", re.IGNORECASE)
#: About thirty years.
MOST_SECONDS = 1e9


def checked_path(path: Path | str, argument: str) -> Path:
    """Return a path with ``~`` expanded to the home folder, as a shell does.

    Raises:
        InputError: The value is no path.
    """
    if not isinstance(path, str | os.PathLike) or not isinstance(os.fspath(path), str):
        raise InputError(f"{argument}: must be a path, got {path!r}")
    try:
        return Path(path).expanduser()
    except RuntimeError as error:  # the user of ~user is unknown
        raise InputError(f"{argument}: {path}: {error}") from error


def checked_folder(folder: Path | str, argument: str = "folder") -> Path:
    """Return an absolute path, which stays the same when the process changes its working folder.

    Raises:
        InputError: The value is no path, or an address as ``s3://bucket/sweeps``.
    """
    path = checked_path(folder, argument)
    if _ADDRESS.match(str(path)) and not Path(path.parts[0]).exists():
        raise InputError(
            f"{argument}: {folder} is an address; give a folder, for a cluster on a file system that all nodes share"
        )
    return path.absolute()


def checked_output_folder(folder: Path | str, argument: str = "folder") -> Path:
    """Return the absolute path of a folder to fill. It may be new, or a symbolic link to a folder.

    Raises:
        InputError: The value is no path, or something else is there.
    """
    path = checked_folder(folder, argument)
    if os.path.lexists(path) and not path.is_dir():
        raise InputError(f"{path} is there already and is not a folder; give a folder, or a new name")
    return path


def checked_paths(paths: Path | str | Sequence[Path | str], argument: str) -> list[Path]:
    """Return one path or several as a list.

    Raises:
        InputError: One of them is no path.
    """
    sequence = [paths] if isinstance(paths, str | os.PathLike) else paths
    return [checked_path(path, argument) for path in sequence]


def check_count(argument: str, value: object, least: int = 1, most: int = MOST_COUNT) -> int:
    """Return a whole number from ``least`` to ``most``; NumPy's integers are accepted.

    Raises:
        InputError: The value is no whole number, or is less or more.
    """
    if isinstance(value, bool) or not isinstance(value, SupportsIndex):
        raise InputError(f"{argument}: must be a whole number, got {value!r}")
    whole = index(value)
    if not least <= whole <= most:
        # Python refuses to print a very long number.
        got = whole if whole.bit_length() < 64 else "a number of more than 64 bit"
        rule = f"≥ {least}" if whole < least else f"≤ {most}"
        raise InputError(f"{argument}: must be {rule}, got {got}")
    return whole


def check_seconds(argument: str, value: float) -> None:
    """Check a time in seconds.

    Raises:
        InputError: The value is no number from 0 to ``MOST_SECONDS``.
    """
    try:
        seconds = float(value) if isinstance(value, SupportsFloat) and not isinstance(value, bool) else nan
    except OverflowError:
        seconds = inf
    if not seconds >= 0 or seconds == inf:
        raise InputError(f"{argument}: must be seconds ≥ 0, got {value!r}")
    if seconds > MOST_SECONDS:
        raise InputError(f"{argument}: must be ≤ {MOST_SECONDS:g} seconds, got {seconds:g}")
