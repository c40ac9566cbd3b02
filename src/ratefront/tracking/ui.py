"""The MLflow UI on a sweep's store, reachable from this machine only."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys

from ratefront.errors import InputError
from ratefront.tracking import uri as addresses

HOST = "127.0.0.1"
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
    port = _choose_port(port)
    print(f"MLflow UI of {path or 'the database'}: http://{HOST}:{port} (Ctrl-C ends it)", flush=True)
    return _wait_for(subprocess.Popen(command(port), env={**os.environ, **environment(store_uri)}))


def command(port: int) -> list[str]:
    return [sys.executable, "-m", "mlflow", "server", "--host", HOST, "--port", str(port), "--workers", "1"]


def environment(store_uri: str) -> dict[str, str]:
    """Addresses may hold a password: the environment is not shown by ``ps``."""
    artifacts = addresses.artifact_location(store_uri)
    return {
        "MLFLOW_BACKEND_STORE_URI": store_uri,
        **({"MLFLOW_ARTIFACTS_DESTINATION": artifacts} if artifacts else {}),
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_LOGGING_LEVEL": "WARNING",
    }


def _choose_port(wanted: int | None) -> int:
    if wanted is not None:
        if not _is_free(wanted):
            raise InputError(f"port {wanted} is taken; choose another with --port")
        return wanted
    return USUAL_PORT if _is_free(USUAL_PORT) else _any_free_port()


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _any_free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _wait_for(server: subprocess.Popen[bytes]) -> int:
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
