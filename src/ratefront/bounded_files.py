"""Reads small files that a stranger may have written: regular files only, of bounded size, JSON of bounded depth.

A FIFO or ``/dev/zero`` under the name of a settings file would otherwise be read for ever. A file of brackets would end
in a ``RecursionError``, and a few kilobytes of gzip in gigabytes.
"""

from __future__ import annotations

import errno
import json
import os
import stat
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

#: No file of settings or facts that ratefront reads or writes comes near this size.
MOST_BYTES = 16 * 2**20
#: Levels of lists and mappings; the deepest sweep file has eight.
MOST_LEVELS = 64

_KINDS = (
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def read_regular_file(path: Path, most_bytes: int = MOST_BYTES) -> bytes:
    """Return the content of a regular file; nothing else is opened for reading.

    Raises:
        OSError: It cannot be read, is no regular file (its ``strerror`` says what it is), or has more than
            ``most_bytes`` bytes.
    """
    check_regular_file(path)
    # Without blocking: between the check and the opening, a FIFO may have taken its place.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb") as file:  # noqa: PTH123  (a descriptor)
        _refuse_irregular(os.fstat(descriptor).st_mode, path)
        content = file.read(most_bytes + 1)
    if len(content) > most_bytes:
        raise OSError(errno.EFBIG, f"has more than {most_bytes} bytes, the most that is read", str(path))
    return content


def check_regular_file(path: Path) -> os.stat_result:
    """Check that a path leads to a regular file, so that to open it cannot block; return its status.

    Raises:
        OSError: It does not exist, or is a folder, a FIFO, a device or a socket.
    """
    try:
        status = path.stat()
    except ValueError as error:  # NUL in the name
        raise OSError(errno.EINVAL, str(error), str(path)) from error
    _refuse_irregular(status.st_mode, path)
    return status


def _refuse_irregular(mode: int, path: Path) -> None:
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(mode):
        kind = next((name for is_kind, name in _KINDS if is_kind(mode)), "something else")
        raise OSError(errno.EINVAL, f"is {kind}, but must be a regular file", str(path))


def read_json_file(path: Path, most_bytes: int = MOST_BYTES) -> Any:
    """Return the content of a JSON file.

    Raises:
        OSError: As ``read_regular_file``.
        ValueError: It is no JSON in UTF-8, or is nested too deeply.
    """
    return parse_json(read_regular_file(path, most_bytes))


def parse_json(text: str | bytes, pairs: Callable[[list[tuple[str, Any]]], Any] | None = None) -> Any:
    """Return the data of a JSON text; ``pairs`` makes something else of an object than a dict.

    Raises:
        ValueError: It is no JSON, or is nested deeper than ``MOST_LEVELS``.
    """
    try:
        data = json.loads(text, object_pairs_hook=pairs)
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    check_depth(data)
    return data


_TOO_DEEP = f"lists and objects are nested deeper than {MOST_LEVELS} levels"


def check_depth(data: object) -> None:
    """Check that plain data are not nested so deeply that a function which calls itself would fail.

    Raises:
        ValueError: They are.
    """
    level: list[object] = [data]
    for _ in range(MOST_LEVELS + 1):
        level = [item for value in level for item in _items(value)]
        if not level:
            return
    raise ValueError(_TOO_DEEP)


def _items(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list | tuple) else ()


def decompress_gzip(content: bytes, most_bytes: int) -> bytes:
    """Return the content of a gzip file, whose size inside is not known before.

    Raises:
        ValueError: It is no gzip file, is cut off, or holds more than ``most_bytes`` bytes.
    """
    inflate = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    try:
        data = inflate.decompress(content, most_bytes + 1)
    except zlib.error as error:
        raise ValueError(f"is no gzip file: {error}") from error
    if len(data) > most_bytes:
        raise ValueError(f"holds more than {most_bytes} bytes, the most that is read")
    if not inflate.eof:
        raise ValueError("is cut off")
    return data
