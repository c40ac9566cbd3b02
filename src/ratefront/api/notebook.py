"""What a notebook shows of a sweep and of its front: tables, and a small figure."""

from __future__ import annotations

from base64 import b64encode
from html import escape
from typing import TYPE_CHECKING

from ratefront.errors import RatefrontError

if TYPE_CHECKING:
    from ratefront.api.sweeps import Sweep
    from ratefront.report.tables import Table
    from ratefront.report.view import SweepView


def sweep_html(sweep: Sweep) -> str:
    """The sweep's state in a line, its front as a small figure and as a table."""
    from ratefront.report.plot import small_front_png
    from ratefront.report.words import status_line

    try:
        view = sweep.view
    except RatefrontError as error:  # a cell that shows something fails of nothing
        return f"<p>{escape(repr(sweep))}: {escape(str(error))}</p>"
    heading = f"<p><b>{escape(view.name)}</b> in <code>{escape(str(sweep.folder))}</code>. "
    figure = _image(small_front_png(view)) if view.measured else ""
    return f"{heading}{escape(status_line(view))}</p>{figure}{front_html(view)}"


def front_html(view: SweepView) -> str:
    """The front as the report's own table."""
    from ratefront.report.tables import front_table

    return _table_html(front_table(view)) if view.front else "<p>No trial is on the front yet.</p>"


def _table_html(table: Table) -> str:
    head = "".join(f"<th>{escape(cell.text)}</th>" for cell in table.columns)
    rows = ("".join(f"<td>{escape(cell.text)}</td>" for cell in row) for row in table.rows)
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return (
        '<div style="overflow-x:auto"><table style="white-space:nowrap">'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _image(png: bytes) -> str:
    from ratefront.report.plot import SMALL_WIDTH

    data = b64encode(png).decode()
    return f'<p><img alt="front" width="{SMALL_WIDTH}" src="data:image/png;base64,{data}"></p>'
