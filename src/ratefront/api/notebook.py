"""A sweep and its front as HTML for a notebook: a small figure and a table."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ratefront.report.sweep_view import SweepView


def sweep_html(view: SweepView) -> str:
    """Return the sweep's state in a line, and its front."""
    from ratefront.report.findings import status_line

    folder = escape(str(view.folder.path))
    heading = f"<p><b>{escape(view.name)}</b> in <code>{folder}</code>. "
    return f"{heading}{escape(status_line(view))}</p>{front_html(view)}"


def front_html(view: SweepView) -> str:
    """Return the front as a small figure, and as the table of the report."""
    from ratefront.report.front.front_plot import SMALL_WIDTH, small_front_png
    from ratefront.report.notebook_html import figure_html, table_html
    from ratefront.report.page.page_tables import front_table

    figure = figure_html(small_front_png(view), "front", SMALL_WIDTH) if view.measured else ""
    if not view.front:
        return f"{figure}<p>No trial is on the front yet.</p>"
    table = front_table(view)
    rows = ((cell.text for cell in row) for row in table.rows)
    return figure + table_html((cell.text for cell in table.columns), rows)
