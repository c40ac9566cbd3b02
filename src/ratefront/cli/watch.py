"""Commands that look at a sweep, running or ended, and change nothing of it: ``status``, ``report``, ``ui``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from ratefront.cli.arguments import Sweep
from ratefront.cli.next_command import resuming


def status(
    folder: Sweep,
    as_json: Annotated[bool, typer.Option("--json", help="For programs; see docs/files.md.")] = False,
) -> None:
    """Say how a sweep stands, also while it runs. Trials, speed, what runs, what failed, the front."""
    from ratefront import api

    found = api.status(folder)
    if as_json:
        print(json.dumps(found, indent=2, ensure_ascii=False))
        return
    from rich.console import Console

    from ratefront.terminal.status import print_status

    print_status(found, Console(highlight=False))
    if found["state"] == "interrupted":
        print(f"\ngo on with: {resuming(folder)}")


def report(folder: Sweep) -> None:
    """(Re)draw the report of a finished or running sweep."""
    from ratefront import api

    for path in api.report(folder).artifacts:
        print(path)


def ui(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="A sweep's folder, or the folder of many.")
    ] = Path("runs"),
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="[default: 5000, or a free one]")] = None,
    tracking_uri: Annotated[
        str | None, typer.Option(help="Another store than the one beside the sweep.")
    ] = None,
) -> None:
    """Open the MLflow UI on the right store; it listens on this machine only."""
    from ratefront.store.folder import SweepFolder
    from ratefront.tracking.ui import serve_ui
    from ratefront.tracking.uri import resolve_uri

    is_sweep = SweepFolder(folder).ledger.exists()
    asked = tracking_uri or (_tracking_uri_of(folder) if is_sweep else None)
    raise typer.Exit(serve_ui(resolve_uri(asked, folder if is_sweep else folder / "any"), port))


def _tracking_uri_of(folder: Path) -> str | None:
    """The store that the sweep's own file names, if it does."""
    from ratefront.store.folder import SweepFolder
    from ratefront.store.reading import read_spec

    uri = (read_spec(SweepFolder(folder)).get("tracking") or {}).get("uri")
    return None if uri is None else str(uri)
