"""Commands that show a sweep, running or ended, without changing it: ``status`` and ``report``."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from ratefront.cli.next_command import ratefront_command, resume_command
from ratefront.cli.shared_arguments import SweepFolderArgument


def status(
    folder: SweepFolderArgument,
    as_json: Annotated[bool, typer.Option("--json", help="For programs; see docs/files.md.")] = False,
) -> None:
    """Show the state of a sweep, also while it runs. Trials, speed, what runs, what failed, the front."""
    from ratefront.api import sweeps

    found = sweeps.open(folder).status()
    if as_json:
        print(json.dumps(found.to_json(), indent=2, ensure_ascii=False))
        return
    from ratefront.terminal.console import RaisingConsole
    from ratefront.terminal.status_text import print_status

    print_status(found, RaisingConsole(highlight=False))
    if found.state == "interrupted":
        print(f"\ngo on with: {resume_command(folder)}")
    elif found.state == "failed":
        print(f"\nwhen the cause is gone, go on with: {resume_command(folder)}")
        if not found.trial_count:
            print(
                f"or begin anew, nothing has been tried yet: {ratefront_command('sweep', 'SPEC', '--out', folder)}"
            )


def report(folder: SweepFolderArgument) -> None:
    """(Re)draw the report of a finished or running sweep."""
    from ratefront.api import sweeps

    for path in sweeps.open(folder).report().artifacts:
        print(folder / path.name)
