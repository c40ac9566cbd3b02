"""The Rich console that all commands print on. Its styles reach a terminal as escape sequences, its texts do not."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from typing import IO, Any, TextIO, cast

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from typing_extensions import override

from ratefront.safe_text import visible
from ratefront.terminal.escaped_output import unescaped


class SafeConsole(Console):
    """A console that raises BrokenPipeError where Rich would end the program, and takes texts as they are.

    Nothing in a text is markup or the name of an emoji, and control characters are shown escaped.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"markup": False, "emoji": False, "highlight": False} | options)

    @property
    @override
    def file(self) -> IO[str]:
        """The stream itself: what is written has Rich's escape sequences, and its texts are escaped already."""
        return cast("IO[str]", unescaped(cast("TextIO", super().file)))

    @file.setter
    def file(self, new_file: IO[str]) -> None:
        self._file = new_file

    @override
    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Render with the control characters of all texts escaped."""
        for segment in super().render(renderable, options):
            text = segment.text if segment.control else visible(segment.text)
            yield segment if text == segment.text else Segment(text, segment.style)

    @override
    def on_broken_pipe(self) -> None:
        """Raise BrokenPipeError, which ``cli.app`` turns into an exit code."""
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))
