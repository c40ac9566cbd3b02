"""Commands for browsing and tracking a sweep: ``ui``, ``dashboard`` and ``track``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from ratefront.cli.shared_arguments import SweepFolderArgument


def ui(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="A sweep's folder, or the folder of many.")
    ] = Path("runs"),
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="[default: 5000, or a free one]")] = None,
    tracking_uri: Annotated[
        str | None, typer.Option(help="Another store than the one beside the sweep.")
    ] = None,
) -> None:
    """Open the MLflow UI on a sweep's store; it listens on this machine only. Prints where the sweep's pages are."""
    from ratefront.api.sweeps import serve_ui

    raise typer.Exit(serve_ui(folder, port=port, tracking_uri=tracking_uri))


def dashboard(
    folder: SweepFolderArgument,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="[default: 8080, or a free one]")] = None,
) -> None:
    """Open the Optuna Dashboard on a sweep, running or ended; it listens on this machine only."""
    from ratefront.api import sweeps

    sweeps.open(folder).serve_dashboard(port=port)


def track(
    folder: SweepFolderArgument,
    tracking_uri: Annotated[
        str | None,
        typer.Option(help="MLflow store or server.  [default: the sweep's own]"),
    ] = None,
    experiment: Annotated[
        str | None, typer.Option(help="Experiment there.  [default: the sweep's own]")
    ] = None,
    register: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Make the codecs on the front versions of this registered model."),
    ] = None,
) -> None:
    """Send a sweep to an MLflow server. One that runs is followed to its end; sent again, nothing is doubled."""
    from ratefront.api import sweeps
    from ratefront.safe_text import without_credentials

    uri = sweeps.open(folder).track(tracking_uri, experiment=experiment, register=register)
    print(f"{folder} is at {without_credentials(uri)}", file=sys.stderr)
