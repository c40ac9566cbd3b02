"""What is said where nobody reads any more: a pipe whose reader has gone, a terminal that was closed."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console


class FrankConsole(Console):
    """Raises BrokenPipeError where Rich would end the program."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))


@contextmanager
def may_go_unread(stream: TextIO) -> Iterator[None]:
    """What is said to ``stream`` inside need not be heard: where that is gone, nothing is said there any more."""
    try:
        yield
        stream.flush()
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
