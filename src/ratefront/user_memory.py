"""What this machine remembers of its user: folders in the cache that only this user may read and write.

A memory is a file. Its name says what is remembered, as a digest, so that writers need no lock; its content serves
messages only. Where the folder cannot be written, belongs to somebody else or is open to others, nothing is remembered,
and the user is asked again.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import stat
from pathlib import Path
from typing import Any

from ratefront.cache_folders import cache_folder

_log = logging.getLogger(__name__)

#: The oldest memories of a kind beyond this number are forgotten.
MOST_REMEMBERED = 2000


def digest_of(content: Any) -> str:
    """Return the SHA-256 of plain data."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


class UserMemory:
    """The memories of one kind, such as ``known_code``."""

    def __init__(self, kind: str) -> None:
        self._kind = kind

    @property
    def folder(self) -> Path:
        """Where they are. The cache may be shared by several users."""
        return cache_folder() / f"{self._kind}-{os.getuid()}"

    def remember(self, name: str, content: str) -> None:
        """Remember something; the file ``name`` exists from then on."""
        folder = self.folder
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not _is_private(folder):
                _log.debug("%s is open to other users: nothing is remembered", folder)
                return
            _write(folder / name, content)
            _forget_oldest(folder)
        except OSError as error:
            _log.debug("%s: %s is not remembered: %s", self._kind, name, error)

    def holds(self, name: str) -> bool:
        """Return whether this is remembered; it then counts as used, and is not among the oldest."""
        path = self.folder / name
        if not _is_private(path.parent):
            return False
        try:
            os.utime(path)
        except FileNotFoundError:
            return False
        except OSError:  # a folder that cannot be written
            return path.is_file()
        return True

    def latest(self, beginning: str) -> str | None:
        """Return the content of the memory that was used last, of those whose name begins so; None if there is none."""
        folder = self.folder
        if not _is_private(folder):
            return None
        try:
            used_last = max(folder.glob(f"{beginning}*"), key=lambda path: path.stat().st_mtime_ns)
            return used_last.read_text(encoding="utf-8")
        except (OSError, ValueError):
            return None


def _is_private(folder: Path) -> bool:
    """Return whether it is this user's own folder, and closed to all others."""
    try:
        found = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077


def _write(path: Path, content: str) -> None:
    """Create the file. Its existence counts: a reader of half its content gets a shorter message, nothing else."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        os.utime(path)
        return
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(content)


def _forget_oldest(folder: Path) -> None:
    files = list(folder.iterdir())
    if len(files) > MOST_REMEMBERED:
        files.sort(key=lambda path: path.stat().st_mtime_ns)
        for path in files[:-MOST_REMEMBERED]:
            path.unlink(missing_ok=True)
