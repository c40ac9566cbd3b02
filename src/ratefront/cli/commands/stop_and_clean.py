"""Commands that change a sweep from outside: ``stop`` and ``clean``."""

from __future__ import annotations

import sys
from typing import Annotated, Literal

import typer

from ratefront.cli.next_command import resume_command
from ratefront.cli.shared_arguments import SweepFolderArgument


def stop(
    folder: SweepFolderArgument,
    trial: Annotated[
        str | None, typer.Option(metavar="ID", help="Stop only this trial; its status becomes stopped.")
    ] = None,
) -> None:
    """Stop a running sweep, or one of its trials. A stopped sweep can be resumed."""
    from ratefront.api import sweeps

    sweep = sweeps.open(folder)
    sweep.stop(trial)
    if trial is not None:
        print(f"{trial} is {sweep.trials[trial].status}", file=sys.stderr)
        return
    if sweep.status().state == "ended":
        print("every trial had ended: nothing is left to resume", file=sys.stderr)
    else:
        print(f"stopped; go on with: {resume_command(folder)}", file=sys.stderr)


def clean(
    folder: SweepFolderArgument,
    keep: Annotated[
        Literal["all", "front", "none"] | None,
        typer.Option(
            help="Trials whose codec, stream and samples are kept.  [default: as the sweep file says]"
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be deleted; delete nothing.")
    ] = False,
) -> None:
    """Delete files of ended trials that need not be kept. The sweep may be running."""
    from ratefront.api import sweeps
    from ratefront.terminal.phrases import size

    removed = sweeps.open(folder).clean(keep, dry_run=dry_run)
    would = "would free" if dry_run else "freed"
    print(f"{would} {size(removed.bytes)}: {removed.files} file{'s' * (removed.files != 1)}")
