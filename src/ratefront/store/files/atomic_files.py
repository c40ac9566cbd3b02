"""Whole files or none: what a reader sees under a name is always a finished file."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from uuid import uuid4


def write_bytes(path: Path, content: bytes) -> None:
    """Write beside ``path``, then rename over it; a reader or a second writer never sees half a file.

    Raises:
        OSError: It names ``path``, as where the disk is full.
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
    """Remove what writers of ``path`` that were killed have left beside it. None may be writing now."""
    for draft in path.parent.glob(f".{path.name}.*.tmp"):
        draft.unlink(missing_ok=True)


def flush_to_disk(paths: Iterable[Path]) -> None:
    """What was written to these files and folders stays, even if the machine dies."""
    for path in paths:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def write_text(path: Path, content: str) -> None:
    """Half a character, as of a path that is no UTF-8, becomes its escape."""
    write_bytes(path, content.encode(errors="backslashreplace"))


def write_json(path: Path, content: Any) -> None:
    """Indented JSON.

    Raises:
        ValueError: The content holds NaN or an infinity.
    """
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n")
