from __future__ import annotations

import io

from rich.console import Console

from ratefront.complexity.transmitter_sizes import FrontEndSize, TransmitterTable
from ratefront.terminal.transmitter_text import print_transmitter_table


def printed(table: TransmitterTable) -> str:
    stream = io.StringIO()
    print_transmitter_table(table, Console(file=stream, width=100))
    return stream.getvalue()


def test_a_row_has_sizes_share_and_the_ends_of_g_a() -> None:
    rows = (
        FrontEndSize("conv1", 9216, 640, 320, 245, 0.004, (8500, 43_900)),
        FrontEndSize("", None, 200_000, 100_000, 50_000, 1.0),
    )
    text = printed(TransmitterTable(rows, ("label", "sample"), (500, 2000), (1000, 1000)))
    first = next(line for line in text.splitlines() if line.startswith("  conv1"))
    assert first.split() == [
        "conv1",
        "9",
        "216",
        "640",
        "B",
        "320",
        "B",
        "245",
        "B",
        "0.4%",
        "8.3–42.9",
        "KiB",
    ]
    assert "unknown" in text
    assert "label, sample" in text
    assert "it takes 500 B–2.0 KiB in fp16" in text
    assert "its encoder g_a takes 1000 B in fp16" in text


def test_a_name_of_a_stage_cannot_move_the_cursor() -> None:
    row = FrontEndSize("\x1b[2Jbad", 1, 1, 1, 1, 1.0)
    assert "\x1b" not in printed(TransmitterTable((row,), (), None, None))
