"""Ports that other machines reach, as doctor finds them: real processes that are named like Ray's and MLflow's."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from ratefront.orchestrate.doctor.open_ports import address_of, open_ports

pytestmark = pytest.mark.medium

SERVER = """
import socket, sys
server = socket.create_server((sys.argv[1], 0), family=socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET)
print(server.getsockname()[1], flush=True)
sys.stdin.read()
"""
ANSWERS = """
import http.server, socketserver, sys, threading
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(int(sys.argv[2]) if self.path == "/metrics" else 404)
        self.end_headers()
class Server(socketserver.TCPServer):
    address_family = 10 if ":" in sys.argv[1] else 2
server = Server((sys.argv[1], 0), Handler)
print(server.server_address[1], flush=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()
"""


@contextmanager
def server(
    host: str, *words: str, name: str = sys.executable, program: str = SERVER, **environment: str
) -> Iterator[int]:
    """A process that listens on a free port. ``name`` is what the list of processes calls it."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("RAY_")}
    process = subprocess.Popen(
        [name, "-c", program, host, *words],
        executable=sys.executable,
        env=clean | environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline())
    finally:
        process.communicate()


def found_at(port: int) -> list[tuple[Any, Any]]:
    return [(each["program"], each["guarded"]) for each in open_ports() if each["port"] == port]


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
@pytest.mark.parametrize(("mode", "guarded"), [({}, False), ({"RAY_AUTH_MODE": "token"}, True)])
def test_rays_port_is_guarded_by_its_token(host: str, mode: dict[str, str], guarded: bool) -> None:
    with server(host, name="gcs_server", **mode) as port:
        assert found_at(port) == [("Ray", guarded)]


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
@pytest.mark.parametrize(
    ("answer", "mode", "figures"),
    [("200", "token", True), ("401", "token", False), ("200", "disabled", False)],
)
def test_figures_without_a_token_are_told_from_what_asks_for_one(
    host: str, answer: str, mode: str, figures: bool
) -> None:
    """Ray's servers for Prometheus ask for no token, whatever its mode; where none asks, all the others count."""
    with server(host, answer, name="ray::DashboardAgent", program=ANSWERS, RAY_AUTH_MODE=mode) as port:
        (found,) = [each for each in open_ports() if each["port"] == port]
    assert (found["guarded"], found["figures"]) == (mode == "token", figures)


def test_a_port_that_does_not_answer_shows_no_figures() -> None:
    with server("0.0.0.0", name="raylet", RAY_AUTH_MODE="token") as port:
        assert [each["figures"] for each in open_ports() if each["port"] == port] == [False]


def test_rays_autoscaler_is_known() -> None:
    with server("0.0.0.0", "/site-packages/ray/autoscaler/v2/monitor.py", RAY_AUTH_MODE="token") as port:
        assert found_at(port) == [("Ray", True)]


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.9", "::1"])
def test_a_port_on_loopback_is_not_open(host: str) -> None:
    with server(host, name="gcs_server") as port:
        assert found_at(port) == []


@pytest.mark.parametrize(
    ("words", "guarded"),
    [
        (["uvicorn", "mlflow.server.fastapi_app:app"], False),
        (["/usr/bin/mlflow", "server", "--host", "0.0.0.0"], False),
        (["/usr/bin/mlflow", "server", "--app-name", "basic-auth"], True),
        (["uvicorn", "mlflow.server.auth:create_app"], True),
    ],
)
def test_mlflows_port_is_guarded_by_basic_auth(words: Sequence[str], guarded: bool) -> None:
    with server("0.0.0.0", *words) as port:
        assert found_at(port) == [("MLflow", guarded)]


def test_ports_of_other_programs_do_not_count() -> None:
    with server("0.0.0.0", "mlflow", "run") as port:
        assert found_at(port) == []


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("0100007F", True),
        ("00000000", False),
        ("0500000A", False),
        ("00000000000000000000000001000000", True),
        ("00000000000000000000000000000000", False),
        ("0000000000000000FFFF00000100007F", True),
        ("0000000000000000FFFF00000500000A", False),
    ],
)
def test_addresses_are_read_as_the_kernel_writes_them(host: str, expected: bool) -> None:
    assert address_of(host).is_loopback is expected
