"""Record which files a user's function opens, since a digest of its code does not cover what it reads there."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

_CODE_SUFFIXES = (".py", ".pyc", ".so", ".pyi")
_SYSTEM_FOLDERS = ("/proc", "/sys", "/dev", "/etc", "/usr/lib", "/usr/share")

_RATEFRONT = Path(__file__).parents[2]

_recorded = threading.local()
_is_installed = False


@contextmanager
def record_opened_files() -> Iterator[list[Path]]:
    """Record the data files that a user's code opens for reading in this thread.

    Yields:
        The paths; the list grows while files are opened.
    """
    _install_audit_hook()
    paths: list[Path] = []
    outer, _recorded.paths = getattr(_recorded, "paths", None), paths
    try:
        yield paths
    finally:
        _recorded.paths = outer


def _install_audit_hook() -> None:
    """Install the audit hook once: it cannot be removed, and does nothing while nothing is recorded."""
    global _is_installed  # noqa: PLW0603
    if not _is_installed:
        sys.addaudithook(_on_audit_event)
        _is_installed = True


def _on_audit_event(event: str, arguments: tuple[Any, ...]) -> None:
    paths: list[Path] | None = getattr(_recorded, "paths", None)
    if event != "open" or paths is None or not isinstance(arguments[0], str | bytes):
        return
    path, mode = Path(os.fsdecode(arguments[0])).resolve(), arguments[1]
    if (mode is None or "r" in mode) and _is_data(path) and path not in paths and _is_opened_by_user_code():
        paths.append(path)


def _is_data(path: Path) -> bool:
    return path.suffix not in _CODE_SUFFIXES and not _is_under(path, *_SYSTEM_FOLDERS) and _is_user_path(path)


def _is_user_path(path: Path) -> bool:
    return not _is_under(path, sys.prefix, sys.base_prefix, _RATEFRONT) and "site-packages" not in path.parts


def _is_under(path: Path, *places: str | Path) -> bool:
    return any(path.is_relative_to(place) for place in places)


def _is_opened_by_user_code() -> bool:
    """Say whether the user's code opens the file: packages also read settings and caches when they are imported."""
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        name = frame.f_code.co_filename
        if name.startswith("<frozen importlib"):
            return False
        if not name.startswith("<") and _is_user_path(Path(name)):
            return True
        frame = frame.f_back
    return False
