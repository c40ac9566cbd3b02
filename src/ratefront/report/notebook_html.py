"""A table and a figure as HTML for the cell of a notebook."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable
from html import escape


def table_html(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a table that scrolls sideways if the cell is too narrow for it."""
    body = "".join(_row(row, "td") for row in rows)
    return (
        '<div style="overflow-x:auto"><table style="white-space:nowrap">'
        f"<thead>{_row(header, 'th')}</thead><tbody>{body}</tbody></table></div>"
    )


def _row(cells: Iterable[str], tag: str) -> str:
    return f"<tr>{''.join(f'<{tag}>{escape(cell)}</{tag}>' for cell in cells)}</tr>"


def figure_html(png: bytes, name: str, width: int | None = None) -> str:
    """Return an image element. ``width`` is in pixels; None keeps the picture's own width."""
    size = "" if width is None else f' width="{width}"'
    return f'<p><img alt="{escape(name)}"{size} src="data:image/png;base64,{b64encode(png).decode()}"/></p>'
