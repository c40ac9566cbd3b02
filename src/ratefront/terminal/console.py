"""The Rich console that all commands print on."""

from __future__ import annotations

import errno
import os

from rich.console import Console


class RaisingConsole(Console):
    """A console that raises BrokenPipeError where Rich would end the program."""

    def on_broken_pipe(self) -> None:
        """Raise BrokenPipeError, which ``cli.app`` turns into an exit code."""
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))
