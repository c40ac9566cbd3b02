"""What callers of the library pass, taken as they mean it or refused in a sentence: paths, and whole numbers."""

from __future__ import annotations

import os
from collections.abc import Sequence
from math import inf
from operator import index
from pathlib import Path
from typing import SupportsFloat, SupportsIndex

from ratefront.errors import InputError


def checked_path(path: Path | str, argument: str) -> Path:
    """A path with ``~`` for the home folder, as a shell would take it.

    Raises:
        InputError: It is no path.
    """
    if not isinstance(path, str | os.PathLike) or not isinstance(os.fspath(path), str):
        raise InputError(f"{argument}: must be a path, got {path!r}")
    try:
        return Path(path).expanduser()
    except RuntimeError as error:  # of a user whom nobody knows
        raise InputError(f"{argument}: {path}: {error}") from error


def checked_folder(folder: Path | str, argument: str = "folder") -> Path:
    """A folder that stays the same when the process changes its own.

    Raises:
        InputError: It is no path.
    """
    return checked_path(folder, argument).absolute()


def checked_paths(paths: Path | str | Sequence[Path | str], argument: str) -> list[Path]:
    """One path or several.

    Raises:
        InputError: One of them is no path.
    """
    several = [paths] if isinstance(paths, str | os.PathLike) else paths
    return [checked_path(path, argument) for path in several]


def check_count(argument: str, value: object, least: int = 1) -> int:
    """A whole number that is not less than ``least``; one of numpy's is one, too.

    Raises:
        InputError: It is none, or less.
    """
    if isinstance(value, bool) or not isinstance(value, SupportsIndex):
        raise InputError(f"{argument}: must be a whole number, got {value!r}")
    if (whole := index(value)) < least:
        raise InputError(f"{argument}: must be ≥ {least}, got {whole}")
    return whole


def check_seconds(argument: str, value: float) -> None:
    """
    Raises:
        InputError: It is no time.
    """
    if isinstance(value, bool) or not isinstance(value, SupportsFloat) or not 0 <= float(value) < inf:
        raise InputError(f"{argument}: must be seconds ≥ 0, got {value!r}")
