"""Where a live display is drawn: on a terminal, or in the cell of a notebook."""

from __future__ import annotations

import io
import sys
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text
from typing_extensions import override

from ratefront.terminal.console import SafeConsole

if TYPE_CHECKING:
    from IPython.display import DisplayHandle


class DisplaySurface(Protocol):
    """Lines that stay, and below them a block that is redrawn."""

    @property
    def height(self) -> int:
        """How many lines are visible at once."""

    def start(self, block: Callable[[], RenderableType]) -> None:
        """Draw the block for the first time; ``block`` is called for each drawing."""

    def add_lines(self, lines: Sequence[Text]) -> None:
        """Add lines that stay, above the block."""

    def draw(self) -> None:
        """Draw the block again."""

    def stop(self) -> None:
        """Stop drawing; the last state of the block stays."""


class TerminalSurface(DisplaySurface):
    """A terminal that can move its cursor."""

    def __init__(self, console: Console) -> None:
        self._console = console

    @property
    @override
    def height(self) -> int:
        return self._console.height

    @override
    def start(self, block: Callable[[], RenderableType]) -> None:
        self._live = Live(console=self._console, auto_refresh=False, get_renderable=block)
        self._live.start()

    @override
    def add_lines(self, lines: Sequence[Text]) -> None:
        self._console.print(Text("\n").join(lines), soft_wrap=True)

    @override
    def draw(self) -> None:
        self._live.refresh()

    @override
    def stop(self) -> None:
        self._live.stop()


_CELL = (
    '<pre style="white-space:pre;overflow-x:auto;line-height:1.3;font-family:monospace">'
    "<code>{code}</code></pre>"
)


def is_notebook() -> bool:
    """Return whether a notebook's kernel runs this process, without importing IPython."""
    shell = sys.modules.get("IPython")
    running = None if shell is None else shell.get_ipython()
    return getattr(running, "kernel", None) is not None


class NotebookSurface(DisplaySurface):
    """One output of the running cell, which is replaced at each drawing.

    It holds the last ``LINES`` of the lines that stay.
    """

    LINES, WIDTH = 12, 110
    height = 20

    def __init__(self) -> None:
        self._lines: deque[Text] = deque(maxlen=self.LINES)
        self._handle: DisplayHandle | None = None
        self._drawn = ""

    @override
    def start(self, block: Callable[[], RenderableType]) -> None:
        from IPython.display import HTML, display

        self._block = block
        self._drawn = self._html()
        self._handle = display(HTML(self._drawn), display_id=True)

    @override
    def add_lines(self, lines: Sequence[Text]) -> None:
        self._lines.extend(lines)

    @override
    def draw(self) -> None:
        from IPython.display import HTML

        html = self._html()
        if self._handle is not None and html != self._drawn:  # each update is a message to all browsers
            self._drawn = html
            self._handle.update(HTML(html))

    @override
    def stop(self) -> None:
        self.draw()

    def _html(self) -> str:
        console = SafeConsole(
            file=io.StringIO(), record=True, force_jupyter=False, force_terminal=True, width=self.WIDTH
        )
        console.print(Group(*self._lines, self._block()), soft_wrap=True)
        return console.export_html(inline_styles=True, code_format=_CELL)
