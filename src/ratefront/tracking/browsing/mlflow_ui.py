"""Serves the MLflow UI on a sweep's store, for this machine only."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import partial
from urllib.parse import urlsplit

from ratefront.errors import InputError, RatefrontError, TrackingError
from ratefront.safe_text import without_credentials
from ratefront.tracking import tracking_uri as addresses
from ratefront.tracking.browsing.local_server import HOST, choose_port, interrupted_by_sigterm
from ratefront.tracking.browsing.mlflow_pages import find_sweep, page_addresses
from ratefront.tracking.delivery.delivery_errors import describe_error
from ratefront.tracking.mlflow.database_tables import prepare_database
from ratefront.tracking.tracker_protocol import TrackedSweep
from ratefront.wording import Call, Message

_log = logging.getLogger(__name__)

USUAL_PORT = 5000
SECONDS_TO_STOP = 10.0
QUIET_UVICORN = ("--uvicorn-opts", "--log-level=warning")


def serve_ui(store_uri: str, port: int | None = None, sweep: TrackedSweep | None = None) -> int:
    """Serve the UI until Ctrl-C and return the server's exit code. If the store is a server, only print its address.

    Print the addresses of the pages that show the ``sweep``, or all sweeps.

    Raises:
        InputError: The SQLite file does not exist or is none of MLflow's, or the port is taken.
        TrackingError: The database cannot be opened.
    """
    if addresses.is_server(store_uri):
        print(f"A server tracks it, at {without_credentials(store_uri)}:", flush=True)
        _print_pages(_without_user(store_uri), store_uri, sweep)
        return 0
    path = addresses.sqlite_path(store_uri)
    if path is not None and not path.is_file():
        raise InputError(f"no tracking store at {path}: run a sweep first, or name the folder of one")
    port = choose_port(port, USUAL_PORT)
    _prepare(store_uri)
    print(f"MLflow UI of {path or 'the database'} (Ctrl-C ends it):", flush=True)
    print_pages = partial(_print_pages, f"http://{HOST}:{port}", store_uri, sweep)
    return _serve(command(port), environment(store_uri), meanwhile=print_pages)


def _prepare(store_uri: str) -> None:
    """Let the database have its tables before the server opens it, which would make them without a lock."""
    try:
        prepare_database(store_uri)
    except RatefrontError:
        raise
    except Exception as error:  # any error of MLflow's or of the database
        raise TrackingError(f"MLflow cannot use the database: {describe_error(error)}") from error


def _print_pages(base: str, store_uri: str, sweep: TrackedSweep | None) -> None:
    try:
        location = find_sweep(store_uri, sweep)
    except Exception as error:  # any error of MLflow's: the user can still look
        reason = str(error).partition("\n")[0]
        print(f"  it does not say where its sweeps are: {without_credentials(reason)}", flush=True)
        location = None
    if sweep is not None and location is not None and location.run_id is None:
        _log.warning(Message(f"{sweep.name} is not found there; ", Call("sweep.track"), " sends it"))
    pages = page_addresses(base, location, sweep)
    width = max(map(len, pages))
    for shows, address in pages.items():
        print(f"  {shows:<{width}}  {address}", flush=True)


def _without_user(server_uri: str) -> str:
    """Return the address without user and password: a browser asks for them."""
    parts = urlsplit(server_uri)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], path=parts.path.rstrip("/")).geturl()


def command(port: int, served_by: Sequence[str] = QUIET_UVICORN) -> list[str]:
    """Return the command line of the server."""
    served = ["--host", HOST, "--port", str(port), "--workers", "1", *served_by]
    return [sys.executable, "-m", "mlflow", "server", *served]


def environment(store_uri: str) -> dict[str, str]:
    """Return the server's settings. Addresses may hold a password, and ``ps`` does not show the environment."""
    artifacts = addresses.artifact_location(store_uri)
    return {
        "MLFLOW_BACKEND_STORE_URI": store_uri,
        **({"MLFLOW_ARTIFACTS_DESTINATION": artifacts} if artifacts else {}),
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_LOGGING_LEVEL": "WARNING",
        "PYTHONWARNINGS": "ignore",
    }


def _serve(command: list[str], settings: dict[str, str], meanwhile: Callable[[], None]) -> int:
    """Run the server. ``meanwhile`` is called while it starts, which takes seconds.

    It runs in the root folder: Python's ``-m`` and uvicorn import from the current one, which may be a stranger's.
    """
    with interrupted_by_sigterm():
        server = subprocess.Popen(command, env={**os.environ, **settings}, cwd="/")
        try:
            meanwhile()
            return server.wait()
        except KeyboardInterrupt:
            return _stop(server)
        finally:
            if server.poll() is None:
                server.terminate()


def _stop(server: subprocess.Popen[bytes]) -> int:
    """Stop the server. Ctrl-C reaches it only if it shares the terminal."""
    if server.poll() is None:
        server.send_signal(signal.SIGINT)
    try:
        return server.wait(SECONDS_TO_STOP)
    except subprocess.TimeoutExpired:
        server.terminate()
        return server.wait()
