"""Commands that open a sweep in the browser, on this machine only: ``ui`` and ``dashboard``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ratefront.cli.arguments import Sweep
from ratefront.cli.flags import in_flags


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
    from ratefront.store.folder import SweepFolder
    from ratefront.tracking.pages import sweep_of
    from ratefront.tracking.ui import serve_ui
    from ratefront.tracking.uri import resolve_uri

    sweep = sweep_of(SweepFolder(folder)) if SweepFolder(folder).ledger.exists() else None
    own_uri = (sweep.spec.get("tracking") or {}).get("uri") if sweep else None
    store_uri = resolve_uri(tracking_uri or own_uri, folder if sweep else folder / "any")
    raise typer.Exit(serve_ui(store_uri, port, sweep, in_flags))


def dashboard(
    folder: Sweep,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="[default: 8080, or a free one]")] = None,
) -> None:
    """Open the Optuna Dashboard on a sweep, running or ended; it listens on this machine only."""
    from ratefront.store.folder import SweepFolder
    from ratefront.tracking.dashboard import serve_dashboard

    serve_dashboard(SweepFolder(folder), port)
