"""What ``ratefront bounds`` found, as a few lines for people."""

from __future__ import annotations

from typing import TextIO

from rich.table import Table

from ratefront.bounds import Bounds
from ratefront.terminal.console import RaisingConsole


def print_bounds(bounds: Bounds, stream: TextIO) -> None:
    """The source in a line, the rate of each curve at a few accuracies, and the warnings."""
    console = RaisingConsole(file=stream, highlight=False, soft_wrap=True)
    for line in bounds.description:
        console.print(line, markup=False)
    first, *others = bounds.rate_table.header
    table = Table(box=None, pad_edge=False, header_style="")
    table.add_column(first, no_wrap=True)
    for accuracy in others:
        table.add_column(accuracy, justify="right", no_wrap=True)
    for row in bounds.rate_table.rows:
        table.add_row(*row)
    console.print(table)
    for warning in bounds.warnings:
        console.print(f"warning: {warning}", markup=False)
