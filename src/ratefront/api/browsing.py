"""Servers for browsing, on this machine only."""

from __future__ import annotations

from pathlib import Path

from ratefront.argument_checks import checked_folder
from ratefront.store.sweep_folder import SweepFolder


def serve_ui(folder: Path | str = "runs", *, port: int | None = None, tracking_uri: str | None = None) -> int:
    """Serve the MLflow UI on the store of a sweep until Ctrl-C; it listens on this machine only.

    Args:
        folder: a sweep's, or the folder of many.
        port: None: 5000, or a free one.
        tracking_uri: another store than the sweep's own.

    Returns:
        The server's exit code; 0 at once where the store is a server itself, whose address is only named.

    Raises:
        InputError: there is no such store, or the port is taken.

    Example:
        >>> import ratefront as rf
        >>> rf.serve_ui(folder)  # doctest: +SKIP
    """
    from ratefront.tracking.browsing.mlflow_pages import sweep_of
    from ratefront.tracking.browsing.mlflow_ui import serve_ui as serve
    from ratefront.tracking.tracking_uri import resolve_uri

    folder = checked_folder(folder)
    sweep = sweep_of(SweepFolder(folder)) if SweepFolder(folder).ledger.exists() else None
    own_uri = (sweep.spec.get("tracking") or {}).get("uri") if sweep else None
    store_uri = resolve_uri(tracking_uri or own_uri, folder if sweep else folder / "any")
    return serve(store_uri, port, sweep)
