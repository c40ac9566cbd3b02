"""What callers of the library pass, taken as they mean it or refused in a sentence: paths, and whole numbers."""

from __future__ import annotations

import os
from collections.abc import Sequence
from operator import index
from pathlib import Path

from ratefront.errors import InputError


def given_path(path: Path | str, argument: str) -> Path:
    """A path with ``~`` for the home folder, as a shell would take it.

    Raises
    ------
    InputError
        It is no path.
    """
    if not isinstance(path, str | os.PathLike) or not isinstance(os.fspath(path), str):
        raise InputError(f"{argument}: must be a path, got {path!r}")
    try:
        return Path(path).expanduser()
    except RuntimeError as error:  # of a user whom nobody knows
        raise InputError(f"{argument}: {path}: {error}") from error


def given_folder(folder: Path | str, argument: str = "folder") -> Path:
    """A folder that stays the same when the process changes its own.

    Raises
    ------
    InputError
        It is no path.
    """
    return given_path(folder, argument).absolute()


def given_paths(paths: Path | str | Sequence[Path | str], argument: str) -> list[Path]:
    """One path or several.

    Raises
    ------
    InputError
        One of them is no path.
    """
    several = [paths] if isinstance(paths, str | os.PathLike) else paths
    return [given_path(path, argument) for path in several]


def check_count(argument: str, value: object) -> int:
    """A whole number ≥ 1; one of numpy's is one, too.

    Raises
    ------
    InputError
        It is none, or less.
    """
    try:
        whole = None if isinstance(value, bool) else index(value)  # type: ignore[call-overload]
    except TypeError:
        whole = None
    if whole is None:
        raise InputError(f"{argument}: must be a whole number, got {value!r}")
    if whole < 1:
        raise InputError(f"{argument}: must be ≥ 1, got {whole}")
    return int(whole)
