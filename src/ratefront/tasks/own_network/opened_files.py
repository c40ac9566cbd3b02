"""Which files a user's function opens: what it reads there, no digest of code covers."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

_CODE = (".py", ".pyc", ".so", ".pyi")
_SYSTEM = ("/proc", "/sys", "/dev", "/etc", "/usr/lib", "/usr/share")

_RATEFRONT = Path(__file__).parents[2]

_recorded = threading.local()
_is_listening = False


@contextmanager
def record_opened_files() -> Iterator[list[Path]]:
    """Data files that a user's own code opens to read in this thread, as they come."""
    _listen()
    paths: list[Path] = []
    around, _recorded.paths = getattr(_recorded, "paths", None), paths
    try:
        yield paths
    finally:
        _recorded.paths = around


def _listen() -> None:
    """An audit hook stays for ever: it is set once, and does nothing where nobody records."""
    global _is_listening  # noqa: PLW0603
    if not _is_listening:
        sys.addaudithook(_hear)
        _is_listening = True


def _hear(event: str, arguments: tuple[Any, ...]) -> None:
    paths: list[Path] | None = getattr(_recorded, "paths", None)
    if event != "open" or paths is None or not isinstance(arguments[0], str | bytes):
        return
    path, mode = Path(os.fsdecode(arguments[0])).resolve(), arguments[1]
    if (mode is None or "r" in mode) and _is_data(path) and path not in paths and _is_asked_by_own_code():
        paths.append(path)


def _is_data(path: Path) -> bool:
    return path.suffix not in _CODE and not _is_under(path, *_SYSTEM) and _is_own(path)


def _is_own(path: Path) -> bool:
    return not _is_under(path, sys.prefix, sys.base_prefix, _RATEFRONT) and "site-packages" not in path.parts


def _is_under(path: Path, *places: str | Path) -> bool:
    return any(path.is_relative_to(place) for place in places)


def _is_asked_by_own_code() -> bool:
    """What packages read of their own settings and caches when they are imported is no weight of a network."""
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        name = frame.f_code.co_filename
        if name.startswith("<frozen importlib"):
            return False
        if not name.startswith("<") and _is_own(Path(name)):
            return True
        frame = frame.f_back
    return False
