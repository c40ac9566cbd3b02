"""``ratefront init`` writes a first sweep file; ``ratefront schema`` writes the JSON schema of sweep files."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ratefront.cli.next_command import ratefront_command


class KindChoice(StrEnum):
    """The kinds of data, named as under ``dataset.kind`` in a sweep file."""

    IMAGES = "images"
    POINTS = "points"


def init(
    data: Annotated[
        str,
        typer.Option(
            metavar="DATA",
            help="Images or point clouds with labels: an npz file with x_train, y_train, x_test, y_test, a folder of "
            "image files in a folder for each class, or the name of a data set, as mnist.",
        ),
    ],
    out: Annotated[Path, typer.Option(help="The sweep file to write.")] = Path("sweep.yaml"),
    kind: Annotated[
        KindChoice | None, typer.Option(help="What the arrays hold.  [default: as the data show]")
    ] = None,
    task_model: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="The name of a task model, or package.module:function that builds yours.  "
            "[default: one that trains in under two minutes here]",
        ),
    ] = None,
    weights: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Trained weights of --task-model; it is then not trained."),
    ] = None,
) -> None:
    """Write a first sweep file for your own data; start nothing."""
    from ratefront.api.sweep_files import first_sweep
    from ratefront.spec.views.render_plan import describe_data

    first = first_sweep(
        data, out, kind=None if kind is None else kind.value, task_model=task_model, weights=weights
    )
    warnings = "".join(f"warning: {warning}\n" for warning in first.warnings)
    print(
        f"data: {describe_data(first.shape, first.classes, first.samples)}\n"
        f"{warnings}"
        f"task model: {first.cost}\n"
        f"read the file, change it, then see its plan: {ratefront_command('check', out)}\n"
        f"and try two trials:                          {ratefront_command('sweep', out, '--trials', '2')}",
        file=sys.stderr,
    )
    print(out)


def schema(out: Annotated[Path, typer.Option(help="The file to write.")]) -> None:
    """Write the JSON schema of sweep files, for editors."""
    from ratefront.api.sweep_files import write_schema

    write_schema(out)
    print(out)
