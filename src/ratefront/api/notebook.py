"""What a notebook shows of a sweep and of its front: tables, and a small figure."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from ratefront.errors import RatefrontError

if TYPE_CHECKING:
    from ratefront.api.sweeps import Sweep
    from ratefront.report.view import SweepView


def sweep_html(sweep: Sweep) -> str:
    """The sweep's state in a line, its front as a small figure and as a table."""
    from ratefront.report.notebook_html import figure_html
    from ratefront.report.plot import SMALL_WIDTH, small_front_png
    from ratefront.report.words import status_line

    try:
        view = sweep.view
    except RatefrontError as error:  # a cell that shows something fails of nothing
        return f"<p>{escape(repr(sweep))}: {escape(str(error))}</p>"
    heading = f"<p><b>{escape(view.name)}</b> in <code>{escape(str(sweep.folder))}</code>. "
    figure = figure_html(small_front_png(view), "front", SMALL_WIDTH) if view.measured else ""
    return f"{heading}{escape(status_line(view))}</p>{figure}{front_html(view)}"


def front_html(view: SweepView) -> str:
    """The front as the report's own table."""
    from ratefront.report.notebook_html import table_html
    from ratefront.report.tables import front_table

    if not view.front:
        return "<p>No trial is on the front yet.</p>"
    table = front_table(view)
    return table_html(
        (cell.text for cell in table.columns), ((cell.text for cell in row) for row in table.rows)
    )
