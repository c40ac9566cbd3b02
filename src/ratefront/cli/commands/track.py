"""``ratefront track``: a sweep that is there, sent to an MLflow server."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from ratefront.cli.shared_arguments import Sweep


def track(
    folder: Sweep,
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
