"""Output to a pipe whose reader has gone, to a terminal that was closed, or to nothing from the start (``>&-``)."""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO


def open_missing_streams() -> None:
    """Give this process the standard streams that it was started without; what is written there is dropped.

    Otherwise the next file that is opened would get the stream's number, and the output of this process and its
    children would go into it.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            stream = open(_devnull_at(number), "r" if name == "stdin" else "w", closefd=False)  # noqa: SIM115
            setattr(sys, name, stream)
            setattr(sys, f"__{name}__", stream)


def _devnull_at(number: int) -> int:
    """Open ``/dev/null`` under this number, for children as well; under another one where the number is in use."""
    devnull = os.open(os.devnull, os.O_RDWR)
    if devnull > number:
        try:
            os.fstat(number)
        except OSError:
            os.dup2(devnull, number)
            os.close(devnull)
            return number
    os.set_inheritable(devnull, True)
    return devnull


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
