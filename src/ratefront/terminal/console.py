"""The console that everything is drawn on."""

from __future__ import annotations

import errno
import os

from rich.console import Console


class RaisingConsole(Console):
    """Raises BrokenPipeError where Rich would end the program."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))
