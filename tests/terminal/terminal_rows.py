"""What a terminal shows after a program has sent it text and control sequences."""

from __future__ import annotations

import re


def rows_of(sent: str) -> list[str]:
    """Obeys what Rich sends: a line's erasure, a row up, back to the first column. Spaces that align are one."""
    rows, row, column = [""], 0, 0
    for part in re.split(r"(\x1b\[[?\d;]*[a-zA-Z]|\n|\r)", sent):
        if part == "\n":
            row += 1
            rows += [""] * (row == len(rows))
        if part in ("\n", "\r"):
            column = 0
        elif part == "\x1b[2K":
            rows[row] = ""
        elif part == "\x1b[1A":
            row -= 1
        elif part and part[0] != "\x1b":
            rows[row] = rows[row][:column].ljust(column) + part + rows[row][column + len(part) :]
            column += len(part)
    return [" ".join(text.split()) for text in rows]
