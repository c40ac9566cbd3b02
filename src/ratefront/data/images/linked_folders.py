"""Folders of a data set, listed so that no symbolic link leads out of the data set or round in circles.

A folder from somebody else may hold a link to ``/home``, to itself, or to a pipe. Links that stay inside are followed.
Links that lead out are followed only if the data set's parameter ``follow_symlinks`` says so.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from ratefront.errors import InputError


class _Entries(NamedTuple):
    """The entries of a folder by name, sorted; without hidden ones."""

    folders: list[str]
    files: list[str]


@dataclass(frozen=True)
class LinkRule:
    """Which symbolic links are followed below ``root``, the folder of a data set.

    ``root`` itself may be reached over links: it is the user's own path.
    """

    root: Path
    follow: bool = False

    @cached_property
    def _inside(self) -> str:
        return os.path.realpath(self.root)

    def list_folder(self, folder: Path | str, suffixes: tuple[str, ...] = ("",)) -> _Entries:
        """List a folder; files that are not regular and links to nothing count as files, which cannot be used.

        Args:
            folder: At or below the root.
            suffixes: The endings of the files that are listed, in small letters.

        Raises:
            InputError: An entry is a link that leads out of the root and must not be followed.
        """
        found = _Entries([], [])
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                if _is_folder(entry):
                    self._check(entry)
                    found.folders.append(entry.name)
                elif entry.name.lower().endswith(suffixes):
                    self._check(entry)
                    found.files.append(entry.name)
        return _Entries(sorted(found.folders), sorted(found.files))

    def files_below(self, folder: Path, suffixes: tuple[str, ...] = ("",)) -> Iterator[str]:
        """Yield the paths of files below a folder, relative to it.

        Each folder is read once, however many links lead there.

        Args:
            folder: At or below the root.
            suffixes: The endings of the files, in small letters.

        Raises:
            InputError: As ``list_folder``.
        """
        if not os.path.isdir(folder):  # noqa: PTH112
            return
        # Paths are texts: Path objects would take longer than the listing, of hundreds of thousands of files.
        seen, waiting = {_identity(str(folder))}, [""]
        while waiting:
            below = waiting.pop()
            entries = self.list_folder(f"{folder}/{below}", suffixes)
            for name in entries.files:
                yield below + name
            for name in reversed(entries.folders):
                if (identity := _identity(f"{folder}/{below}{name}")) not in seen:
                    seen.add(identity)
                    waiting.append(f"{below}{name}/")

    def _check(self, entry: os.DirEntry[str]) -> None:
        if self.follow or not entry.is_symlink():
            return
        target = os.path.realpath(entry.path)
        if not os.path.lexists(target):
            return  # leads to nothing: a file that cannot be used
        if os.path.commonpath([target, self._inside]) != self._inside:
            raise InputError(
                f"{entry.path} is a symbolic link to {target}, which lies outside the data set's folder: put the files "
                "inside, or set follow_symlinks: true if you trust the folder"
            )


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _identity(folder: str) -> tuple[int, int]:
    status = os.stat(folder)  # noqa: PTH116
    return status.st_dev, status.st_ino
