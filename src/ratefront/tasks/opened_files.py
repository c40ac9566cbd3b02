"""Which files a user's function opens: what it reads there, no digest of code covers."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

_CODE = (".py", ".pyc", ".so", ".pyi")
_SYSTEM = ("/proc", "/sys", "/dev", "/etc", "/usr/lib", "/usr/share")

_recorded = threading.local()
_is_listening = False


@contextmanager
def files_opened() -> Iterator[list[Path]]:
    """Data files that this thread opens to read, as they come; none of Python's own, of a package or of the system."""
    _listen()
    paths: list[Path] = []
    _recorded.paths = paths
    try:
        yield paths
    finally:
        _recorded.paths = None


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
    path, mode = Path(_text(arguments[0])), arguments[1]
    if (mode is None or "r" in mode) and _is_data(path) and path not in paths and not _is_importing():
        paths.append(path)


def _is_importing() -> bool:
    """What packages read of their own settings and caches when they are imported is no weight of a network."""
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        if frame.f_code.co_filename == "<frozen importlib._bootstrap>":
            return True
        frame = frame.f_back
    return False


def _text(path: str | bytes) -> str:
    return path if isinstance(path, str) else path.decode(errors="replace")


def _is_data(path: Path) -> bool:
    whole = path.absolute()
    places = (*_SYSTEM, sys.prefix, sys.base_prefix)
    is_elsewhere = not any(whole.is_relative_to(place) for place in places)
    return is_elsewhere and path.suffix not in _CODE and "site-packages" not in whole.parts
