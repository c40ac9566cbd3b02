"""Commands that show a sweep, running or ended, without changing it: ``status``, ``front`` and ``report``."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from ratefront.cli.next_command import ratefront_command, resume_command, setting_arguments
from ratefront.cli.shared_arguments import SweepFolderArgument
from ratefront.safe_text import visible_json


def status(
    folder: SweepFolderArgument,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON; docs/files.md lists its keys.")
    ] = False,
) -> None:
    """Show the state of a sweep, running or ended: trials, speed, failures, the front."""
    from ratefront.api import sweeps

    sweep_status = sweeps.open(folder).status()
    if as_json:
        print(visible_json(json.dumps(sweep_status.to_json(), indent=2, ensure_ascii=False)))
        return
    from ratefront.terminal.console import SafeConsole
    from ratefront.terminal.status_text import print_status

    print_status(sweep_status, SafeConsole())
    if sweep_status.larger_budget:
        print(f"\ngo on with: {resume_command(folder, *setting_arguments(sweep_status.larger_budget))}")
    elif sweep_status.state == "interrupted":
        print(f"\ngo on with: {resume_command(folder)}")
    elif sweep_status.state == "failed":
        print(f"\nwhen the cause is gone, go on with: {resume_command(folder)}")
        if not sweep_status.trial_count:
            print(
                f"or begin anew, nothing has been tried yet: {ratefront_command('sweep', 'SPEC', '--out', folder)}"
            )


def front(
    folder: SweepFolderArgument,
    min_accuracy: Annotated[
        str | None, typer.Option(metavar="A", help="The least accuracy, as 0.95 or 95%.")
    ] = None,
    max_rate: Annotated[
        str | None, typer.Option(metavar="R", help="The highest rate, in bit/sample.")
    ] = None,
    max_transmitter: Annotated[
        str | None, typer.Option(metavar="SIZE", help="The largest transmitter, as 64KiB or 1MiB.")
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(metavar="CONSTRAINT", help="Any constraint, as 'encode_ms <= 2'; may be repeated."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON; docs/files.md lists its keys.")
    ] = False,
) -> None:
    """Show the codecs of a sweep that meet constraints, cheapest first, and the best of them.

    Without options, the constraints are those of the sweep file.
    """
    from ratefront.api import sweeps

    chosen = sweeps.open(folder).choose(
        *(where or ()), min_accuracy=min_accuracy, max_rate=max_rate, max_transmitter=max_transmitter
    )
    if as_json:
        print(visible_json(json.dumps(chosen.to_json(), indent=2, ensure_ascii=False)))
        return
    from ratefront.terminal.console import SafeConsole
    from ratefront.terminal.front_text import print_chosen_front

    print_chosen_front(chosen, SafeConsole())
    if chosen.best is not None:
        trial_id = chosen.best.params.trial_id
        if chosen.has_codec:
            print(f"use it with: {ratefront_command('encode', folder, trial_id, 'IMAGES', '--out', 'FILE')}")
        else:
            again = ratefront_command("reproduce", folder, trial_id, "--out", "NEW")
            print(f"its codec was not kept; make it again with: {again}")


def report(folder: SweepFolderArgument) -> None:
    """Draw the report of a sweep, running or ended."""
    from ratefront.api import sweeps

    for path in sweeps.open(folder).report().artifacts:
        print(folder / path.name)
