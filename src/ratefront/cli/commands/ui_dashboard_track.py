"""Commands for browsing and tracking a sweep: ``ui``, ``dashboard`` and ``track``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from ratefront.cli.shared_arguments import OwnModuleOption, SweepFolderArgument


def ui(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder of a sweep, or of many.")] = Path(
        "runs"
    ),
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="The port.  [default: 5000, or a free one]")
    ] = None,
    tracking_uri: Annotated[
        str | None, typer.Option(help="MLflow store or server.  [default: the sweep's own]")
    ] = None,
) -> None:
    """Serve the MLflow UI of a sweep, on this machine only. Print the addresses of the sweep's pages."""
    from ratefront.api.sweeps import serve_ui

    raise typer.Exit(serve_ui(folder, port=port, tracking_uri=tracking_uri))


def dashboard(
    folder: SweepFolderArgument,
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="The port.  [default: 8080, or a free one]")
    ] = None,
    own_module: OwnModuleOption = False,
) -> None:
    """Serve the Optuna Dashboard of a sweep, on this machine only. The sweep may be running."""
    from ratefront.api import sweeps

    sweeps.open(folder, own_module=own_module).serve_dashboard(port=port)


def track(
    folder: SweepFolderArgument,
    tracking_uri: Annotated[
        str | None,
        typer.Option(help="MLflow store or server.  [default: the sweep's own]"),
    ] = None,
    experiment: Annotated[
        str | None, typer.Option(help="Experiment on that server.  [default: the sweep's own]")
    ] = None,
    register: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Register the codecs on the front as versions of this model."),
    ] = None,
) -> None:
    """Send a sweep to an MLflow server. A running sweep is followed to its end.

    Sending a sweep again changes nothing.
    """
    from ratefront.api import sweeps
    from ratefront.safe_text import without_credentials

    uri = sweeps.open(folder).track(tracking_uri, experiment=experiment, register=register)
    print(f"{folder} is at {without_credentials(uri)}", file=sys.stderr)
