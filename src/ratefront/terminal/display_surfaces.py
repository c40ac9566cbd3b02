"""Where a live display is drawn: on a terminal, or in a cell of a notebook."""

from __future__ import annotations

import io
import sys
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

if TYPE_CHECKING:
    from IPython.display import DisplayHandle


class DisplaySurface(Protocol):
    """Lines that stay, and below them a block that is drawn again and again."""

    @property
    def height(self) -> int:
        """Lines that can be seen at once."""

    def start(self, block: Callable[[], RenderableType]) -> None: ...

    def add_lines(self, lines: Sequence[Text]) -> None: ...

    def draw(self) -> None: ...

    def stop(self) -> None:
        """What the block shows last stays."""


class TerminalSurface:
    """A terminal that can move its cursor."""

    def __init__(self, console: Console) -> None:
        self._console = console

    @property
    def height(self) -> int:
        return self._console.height

    def start(self, block: Callable[[], RenderableType]) -> None:
        self._live = Live(console=self._console, auto_refresh=False, get_renderable=block)
        self._live.start()

    def add_lines(self, lines: Sequence[Text]) -> None:
        self._console.print(Text("\n").join(lines), soft_wrap=True)

    def draw(self) -> None:
        self._live.refresh()

    def stop(self) -> None:
        self._live.stop()


_CELL = (
    '<pre style="white-space:pre;overflow-x:auto;line-height:1.3;font-family:monospace">'
    "<code>{code}</code></pre>"
)


def is_notebook() -> bool:
    """Whether a notebook's kernel runs this process. Nothing is imported to find out."""
    shell = sys.modules.get("IPython")
    running = None if shell is None else shell.get_ipython()
    return getattr(running, "kernel", None) is not None


class NotebookSurface:
    """One output of the cell that runs, which is replaced; of the lines that stay it holds the last ``LINES``."""

    LINES, WIDTH = 12, 110
    height = 20

    def __init__(self) -> None:
        self._lines: deque[Text] = deque(maxlen=self.LINES)
        self._handle: DisplayHandle | None = None
        self._drawn = ""

    def start(self, block: Callable[[], RenderableType]) -> None:
        from IPython.display import HTML, display

        self._block = block
        self._drawn = self._html()
        self._handle = display(HTML(self._drawn), display_id=True)

    def add_lines(self, lines: Sequence[Text]) -> None:
        self._lines.extend(lines)

    def draw(self) -> None:
        from IPython.display import HTML

        html = self._html()
        if self._handle is not None and html != self._drawn:  # every update is a message to all browsers
            self._drawn = html
            self._handle.update(HTML(html))

    def stop(self) -> None:
        self.draw()

    def _html(self) -> str:
        console = Console(
            file=io.StringIO(), record=True, force_jupyter=False, force_terminal=True, width=self.WIDTH
        )
        console.print(Group(*self._lines, self._block()), soft_wrap=True)
        return console.export_html(inline_styles=True, code_format=_CELL)
