"""Standard output and error that show control characters escaped.

Texts come from ledgers, folders and sweep files that somebody else may have written. A name that holds an escape
sequence must not move the cursor, set the title of the window, or look like another line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, TextIO, cast

from ratefront.safe_text import visible

_LEADING_RETURNS = re.compile("\\r*")


class EscapingStream:
    """A text stream that shows control characters escaped; everything else is that of the stream inside.

    Line ends and tabs stay, and carriage returns at the beginning of what is written: a bar of progress returns to
    the beginning of its line.
    """

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        """Write the text, escaped."""
        returns = cast("re.Match[str]", _LEADING_RETURNS.match(text)).end()
        self.stream.write(text[:returns] + visible(text[returns:]))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write the lines, escaped."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


def escaping(stream: TextIO) -> TextIO:
    """Return a stream that writes to ``stream`` and shows control characters escaped."""
    return cast("TextIO", EscapingStream(stream))


def unescaped(stream: TextIO) -> TextIO:
    """Return the stream inside, for what draws with escape sequences; any other stream is returned itself."""
    return stream.stream if isinstance(stream, EscapingStream) else stream
