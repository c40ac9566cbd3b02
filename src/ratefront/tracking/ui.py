"""The MLflow UI on a sweep's store, reachable from this machine only."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from ratefront.errors import InputError
from ratefront.tracking import uri as addresses
from ratefront.tracking.serving import HOST, choose_port, interrupted_by_sigterm

USUAL_PORT = 5000
SECONDS_TO_STOP = 10.0


def serve_ui(store_uri: str, port: int | None = None) -> int:
    """Serve the UI until Ctrl-C and return the server's exit code. A store that is a server is only named.

    Raises
    ------
    InputError
        The SQLite file does not exist, or the port is taken.
    """
    if addresses.is_server(store_uri):
        print(f"The sweep is tracked by a server: open {store_uri}", flush=True)
        return 0
    path = addresses.sqlite_path(store_uri)
    if path is not None and not path.is_file():
        raise InputError(f"no tracking store at {path}: run a sweep first, or name the folder of one")
    port = choose_port(port, USUAL_PORT)
    print(f"MLflow UI of {path or 'the database'} (Ctrl-C ends it):\n{_address(port, path)}", flush=True)
    return _wait_for(subprocess.Popen(command(port), env={**os.environ, **environment(store_uri)}))


def command(port: int) -> list[str]:
    served = ["--host", HOST, "--port", str(port), "--workers", "1", "--uvicorn-opts", "--log-level=warning"]
    return [sys.executable, "-m", "mlflow", "server", *served]


def _address(port: int, store: Path | None) -> str:
    """The table of runs, where the experiment is known: MLflow itself would open on an empty page about traces."""
    experiment = _newest_experiment(store) if store is not None else None
    page = "experiments" if experiment is None else f"experiments/{experiment}/runs"
    return f"http://{HOST}:{port}/#/{page}?workflowType=machine_learning"


def _newest_experiment(store: Path) -> int | None:
    """Read without MLflow, whose import takes seconds; a store that looks otherwise has no answer."""
    query = "SELECT experiment_id FROM experiments WHERE lifecycle_stage = 'active' ORDER BY last_update_time DESC"
    try:
        with closing(sqlite3.connect(f"{store.as_uri()}?mode=ro", uri=True)) as database:
            row = database.execute(query).fetchone()
    except sqlite3.Error:
        return None
    return None if row is None else int(row[0])


def environment(store_uri: str) -> dict[str, str]:
    """Addresses may hold a password: the environment is not shown by ``ps``."""
    artifacts = addresses.artifact_location(store_uri)
    return {
        "MLFLOW_BACKEND_STORE_URI": store_uri,
        **({"MLFLOW_ARTIFACTS_DESTINATION": artifacts} if artifacts else {}),
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_LOGGING_LEVEL": "WARNING",
        "PYTHONWARNINGS": "ignore",
    }


def _wait_for(server: subprocess.Popen[bytes]) -> int:
    with interrupted_by_sigterm():
        try:
            return server.wait()
        except KeyboardInterrupt:
            return _stop(server)


def _stop(server: subprocess.Popen[bytes]) -> int:
    """Ctrl-C reaches the server too where it shares the terminal; elsewhere it is told here."""
    if server.poll() is None:
        server.send_signal(signal.SIGINT)
    try:
        return server.wait(SECONDS_TO_STOP)
    except subprocess.TimeoutExpired:
        server.terminate()
        return server.wait()
