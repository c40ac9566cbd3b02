"""What is said where nobody reads any more: a pipe whose reader has gone, a terminal that was closed."""

from __future__ import annotations

import os
import select
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO


@contextmanager
def ignore_closed_output(stream: TextIO) -> Iterator[None]:
    """What is said to ``stream`` inside need not be heard: where that is gone, nothing is said there any more."""
    try:
        yield
        stream.flush()
    except OSError:
        _silence(stream)


def _silence(stream: TextIO) -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def reader_is_gone(stream: TextIO) -> bool:
    """True for a pipe whose reader has gone, as that of ``| head`` does. A broken pipe may also be another one."""
    try:
        polled = select.poll()
        polled.register(stream.fileno(), 0)
        return any(happened & select.POLLERR for _, happened in polled.poll(0))
    except (OSError, ValueError):  # it is no file, or closed
        return False


def flush_unless_closed(stream: TextIO) -> bool:
    """Flush what was printed; False where nobody reads it, and nothing more is said there then.

    Raises:
        OSError: It cannot be written for another reason, as where a disk is full.
    """
    try:
        stream.flush()
    except BrokenPipeError:
        _silence(stream)
        return False
    return True
