"""What a cell of a notebook shows of a table and of a figure, whatever they are of."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable
from html import escape


def table_html(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table that is scrolled where the cell is too narrow for it."""
    body = "".join(_row(row, "td") for row in rows)
    return (
        '<div style="overflow-x:auto"><table style="white-space:nowrap">'
        f"<thead>{_row(header, 'th')}</thead><tbody>{body}</tbody></table></div>"
    )


def _row(cells: Iterable[str], tag: str) -> str:
    return f"<tr>{''.join(f'<{tag}>{escape(cell)}</{tag}>' for cell in cells)}</tr>"


def figure_html(png: bytes, name: str, width: int | None = None) -> str:
    """A picture, so many pixels wide where that is not its own width."""
    size = "" if width is None else f' width="{width}"'
    return f'<p><img alt="{escape(name)}"{size} src="data:image/png;base64,{b64encode(png).decode()}"/></p>'
