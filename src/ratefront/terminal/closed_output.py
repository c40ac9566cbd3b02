"""Output to a pipe whose reader has gone, or to a terminal that was closed."""

from __future__ import annotations

import os
import select
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO


@contextmanager
def ignore_closed_output(stream: TextIO) -> Iterator[None]:
    """Ignore errors of writing to ``stream`` inside the block.

    After such an error, everything written to the stream is dropped.
    """
    try:
        yield
        stream.flush()
    except OSError:
        _silence(stream)


def _silence(stream: TextIO) -> None:
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, stream.fileno())
    os.close(devnull)


def reader_is_gone(stream: TextIO) -> bool:
    """Return True for a pipe whose reader has gone, as that of ``| head`` does.

    A BrokenPipeError alone does not say so, since it may come from another pipe.
    """
    try:
        polled = select.poll()
        polled.register(stream.fileno(), 0)
        return any(happened & select.POLLERR for _, happened in polled.poll(0))
    except (OSError, ValueError):  # not a file, or closed
        return False


def flush_unless_closed(stream: TextIO) -> bool:
    """Flush what was printed.

    Returns:
        False if the reader of the stream has gone; everything written to it later is dropped.

    Raises:
        OSError: The stream cannot be written for another reason, as a full disk.
    """
    try:
        stream.flush()
    except BrokenPipeError:
        _silence(stream)
        return False
    return True
