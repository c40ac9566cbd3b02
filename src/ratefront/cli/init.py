"""``ratefront init``: a first sweep file for one's own data."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ratefront.cli.next_command import ratefront


class KindChoice(StrEnum):
    """As ``dataset.kind`` of a sweep file."""

    IMAGES = "images"
    POINTS = "points"


def init(
    data: Annotated[
        Path,
        typer.Option(
            metavar="X.npz", help="x_train, y_train, x_test, y_test: images or point clouds, labels."
        ),
    ],
    out: Annotated[Path, typer.Option(help="The sweep file to write.")] = Path("sweep.yaml"),
    kind: Annotated[
        KindChoice | None, typer.Option(help="What x holds.  [default: as the data tell]")
    ] = None,
) -> None:
    """Write a first sweep file for your own data; start nothing."""
    from ratefront import api

    api.init(data, out, kind=None if kind is None else kind.value)
    print(
        f"read it, change it, then see its plan: {ratefront('check', out)}\n"
        f"and try two trials:                    {ratefront('sweep', out, '--trials', '2')}",
        file=sys.stderr,
    )
    print(out)
