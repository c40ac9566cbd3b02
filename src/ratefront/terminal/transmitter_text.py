"""Prints what a transmitter's bytes are made of, in one screen."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ratefront.complexity.transmitter_sizes import TransmitterTable
from ratefront.safe_text import visible_line
from ratefront.terminal import phrases

REST = (
    ("tables", "of the coder: 2 bytes a symbol and 2 a table; their number is known after training"),
    ("int8", "a byte a weight, a scale and a bias for each output; normalisations folded into the layers"),
    (
        "pruned",
        "structured: as the smaller network is; unstructured: 1 bit a weight and the nonzeros, if less",
    ),
    ("hyperpriors", "their networks, which compute scales at the transmitter"),
    ("refinement", "besides: g_s, the densities and the network of its target"),
)
"""What the columns mean, and what counts besides; docs/transmitter.md says the same."""


def print_transmitter_table(table: TransmitterTable, console: Console) -> None:
    """Print the sizes that the transmitters of a sweep are made of."""
    console.print(Text("\nWhat a transmitter's bytes are made of:", style="bold"))
    console.print(_sizes(table))
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, text in (*_of_families(table), *REST):
        grid.add_row(Text(f"  {name}"), Text(text))
    console.print(grid)


def _sizes(table: TransmitterTable) -> Table:
    has_analysis = any(row.analysis for row in table.rows)
    sizes = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    headings = ("  front end", "MACs", "fp32", "fp16", "int8", "share", *(["g_a in fp16"] * has_analysis))
    for heading in headings:
        sizes.add_column(heading, justify="left" if heading == headings[0] else "right", no_wrap=True)
    for row in table.rows:
        cells = (
            f"  {visible_line(row.split) or 'all stages'}",
            "unknown" if row.macs is None else f"{row.macs:,}".replace(",", " "),
            *(phrases.size(count) for count in (row.fp32, row.fp16, row.int8)),
            f"{row.share:.1%}",
            *([_range(row.analysis)] * has_analysis),
        )
        sizes.add_row(*map(Text, cells))
    return sizes


def _range(analysis: tuple[int, int] | None) -> str:
    if analysis is None:
        return ""
    least, most = (phrases.size(count) for count in analysis)
    if least == most:
        return least
    (number, unit), (_, last_unit) = least.split(), most.split()
    return f"{number}–{most}" if unit == last_unit else f"{least}–{most}"


def _of_families(table: TransmitterTable) -> Iterator[tuple[str, str]]:
    if table.whole:
        yield ", ".join(table.whole), "all stages: the class is decided at the transmitter"
    if table.classifier is not None:
        yield (
            "label, small",
            f"a classifier that is trained in the trial; it takes {_range(table.classifier)} in fp16",
        )
    if table.student is not None:
        yield "student", f"no front end; its encoder g_a takes {_range(table.student)} in fp16"
