"""Notices every access to files, by whatever library or process: inotify of Linux."""

from __future__ import annotations

import ctypes
import os
import struct
from pathlib import Path
from typing import Self

_EVENTS = {
    0x1: "read",
    0x2: "written",
    0x4: "given other attributes",
    0x20: "opened",
    0x40: "moved",
    0x80: "moved here",
    0x100: "made",
    0x200: "deleted",
}
_HEADER = struct.Struct("iIII")  # watch, event, cookie, bytes of the name
_libc = ctypes.CDLL(None, use_errno=True)


class WatchedFiles:
    """What lies in a folder, watched from now on; use it as a context manager."""

    def __init__(self, root: Path) -> None:
        self._queue = _libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        places = [place for place in (root, *root.rglob("*")) if not place.is_symlink()]
        self._places = {_watch(self._queue, place): place for place in places}

    def accesses(self) -> list[str]:
        """What happened since the last call, a line each. Looking at a file's size or time is no access."""
        try:
            events = os.read(self._queue, 1 << 20)
        except BlockingIOError:
            return []
        lines, at = [], 0
        while at < len(events):
            watch, event, _, length = _HEADER.unpack_from(events, at)
            name = events[at + _HEADER.size :][:length].rstrip(b"\0").decode()
            at += _HEADER.size + length
            lines += [
                f"{self._places[watch] / name} was {what}" for bit, what in _EVENTS.items() if event & bit
            ]
        return lines

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._queue)


def _watch(queue: int, place: Path) -> int:
    watch = _libc.inotify_add_watch(queue, os.fsencode(place), sum(_EVENTS))
    if watch < 0:
        raise OSError(ctypes.get_errno(), f"{place} cannot be watched")
    return int(watch)
