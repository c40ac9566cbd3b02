"""Writes files so that a reader always sees a whole file or none."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from itertools import takewhile
from pathlib import Path
from typing import Any
from uuid import uuid4


def write_bytes(path: Path, content: bytes) -> None:
    """Write a draft beside ``path`` and rename it to ``path``. No reader or second writer sees half a file.

    Raises:
        OSError: The file cannot be written, for example because the disk is full. It names ``path``.
    """
    draft = path.with_name(f".{path.name}.{uuid4().hex}.tmp")
    try:
        draft.write_bytes(content)
        os.replace(draft, path)  # noqa: PTH105 (the name says that it replaces)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        draft.unlink(missing_ok=True)


def remove_drafts(path: Path) -> None:
    """Remove the drafts that killed writers of ``path`` have left. No process may be writing ``path`` now."""
    for draft in path.parent.glob(f".{path.name}.*.tmp"):
        draft.unlink(missing_ok=True)


def make_folder_below(root: Path, folder: Path) -> None:
    """Create ``folder``, and what is missing between it and ``root``.

    ``root`` itself must exist: a sweep's folder that a person has moved away must not come back, empty.

    Raises:
        FileNotFoundError: ``root`` does not exist.
    """
    for part in reversed([folder, *takewhile(lambda parent: parent != root, folder.parents)]):
        part.mkdir(exist_ok=True)


def flush_to_disk(paths: Iterable[Path]) -> None:
    """Make sure that what was written to these files and folders stays even if the machine dies."""
    for path in paths:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def write_text(path: Path, content: str) -> None:
    """Write text as UTF-8. A lone surrogate, as in a path that is not UTF-8, becomes its escape."""
    write_bytes(path, content.encode(errors="backslashreplace"))


def write_json(path: Path, content: Any) -> None:
    """Write indented JSON.

    Raises:
        ValueError: The content holds NaN or an infinity.
    """
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n")
