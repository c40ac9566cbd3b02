"""Commands that open a sweep in the browser, on this machine only: ``ui`` and ``dashboard``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ratefront.cli.shared_arguments import Sweep


def ui(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="A sweep's folder, or the folder of many.")
    ] = Path("runs"),
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="[default: 5000, or a free one]")] = None,
    tracking_uri: Annotated[
        str | None, typer.Option(help="Another store than the one beside the sweep.")
    ] = None,
) -> None:
    """Open the MLflow UI on the right store; it listens on this machine only. Says where the sweep's pages are."""
    from ratefront.api.browsing import serve_ui

    raise typer.Exit(serve_ui(folder, port=port, tracking_uri=tracking_uri))


def dashboard(
    folder: Sweep,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="[default: 8080, or a free one]")] = None,
) -> None:
    """Open the Optuna Dashboard on a sweep, running or ended; it listens on this machine only."""
    from ratefront.api import sweeps

    sweeps.open(folder).serve_dashboard(port=port)
