"""What a sweep of one machine listens on, as the kernel lists it, and who is let in there. A real cluster."""

from __future__ import annotations

import http.client
import ipaddress
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest
from tests.orchestrate.driver_processes import Driver

pytestmark = pytest.mark.slow

DOCUMENTED = Path(__file__).parents[2] / "docs" / "running.md"

#: Ray's servers of metrics start last.
SETTLE_S = 3.0

STRANGER = """
import sys
from ray._raylet import GcsClient
print(GcsClient(address=sys.argv[1]).internal_kv_keys(b"", None, timeout=5))
"""


class Listening(NamedTuple):
    """A socket that takes connections (or datagrams), and the name of its process."""

    name: str
    host: str
    port: int

    @property
    def is_on_loopback(self) -> bool:
        address = ipaddress.ip_address(self.host)
        return (getattr(address, "ipv4_mapped", None) or address).is_loopback


def listening(pids: list[int]) -> set[Listening]:
    found = set()
    for pid in pids:
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(pid)
            for socket in process.net_connections(kind="inet"):
                if not socket.raddr and socket.status in (psutil.CONN_LISTEN, psutil.CONN_NONE):
                    found.add(Listening(name_of(process), socket.laddr.ip, socket.laddr.port))
    return found


def name_of(process: psutil.Process) -> str:
    """As the documentation names it: a program of Ray's, the driver, or a worker."""
    called = process.cmdline() or [""]
    if any(part.endswith("sweep_process.py") for part in called):
        return "driver"
    if match := re.match(r"ray::(\w+Agent)\b", called[0]):
        return match[1]
    program = next((Path(part).stem for part in called if not re.search(r"^-|/python[^/]*$", part)), "")
    return "worker" if program.startswith("ray::") else program


def documented_names() -> set[str]:
    section = DOCUMENTED.read_text(encoding="utf-8").partition("\n## Ports\n")[2].partition("\n## ")[0]
    return set(re.findall(r"^\| `(\w+)` \|", section, flags=re.MULTILINE))


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Driver]:
    """A driver whose trials run for as long as the test does, and whose user has never used Ray."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
        for name in ("RAY_ADDRESS", "RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
            patch.delenv(name, raising=False)
        running = Driver(tmp_path_factory.mktemp("sweeps") / "sweep", step_s=60)
        try:
            running.wait_until(lambda: running.runs("ray::ResourceTrainable.train"))
            running.wait_until(lambda: {socket.name for socket in sockets(running)} >= documented_names())
            time.sleep(SETTLE_S)
            yield running
        finally:
            running.close()


def sockets(driver: Driver) -> set[Listening]:
    return listening(list(driver.marked.alive()))


def test_all_ports_are_on_loopback_and_documented(driver: Driver) -> None:
    found = sockets(driver)
    assert {socket for socket in found if not socket.is_on_loopback} == set()
    assert {socket.name for socket in found} == documented_names()


@pytest.mark.parametrize(
    "access", [{"RAY_AUTH_MODE": "disabled"}, {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "0" * 64}]
)
def test_a_stranger_is_refused(driver: Driver, access: dict[str, str]) -> None:
    (address,) = {f"127.0.0.1:{socket.port}" for socket in sockets(driver) if socket.name == "gcs_server"}
    stranger = subprocess.run(
        [sys.executable, "-c", STRANGER, address],
        env=dict(os.environ) | access,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "AuthenticationError" in stranger.stderr, stranger.stdout


def test_no_port_tells_a_stranger_anything(driver: Driver) -> None:
    """By HTTP, which Ray's servers of metrics and its agents speak. The others close the connection."""
    for socket in sockets(driver):
        url = f"http://127.0.0.1:{socket.port}/metrics"
        with pytest.raises((urllib.error.HTTPError, OSError, http.client.HTTPException)) as refused:
            urllib.request.urlopen(url, timeout=5)
        if isinstance(refused.value, urllib.error.HTTPError):
            assert refused.value.code == 401, socket
            refused.value.close()


def test_no_token_is_left_in_the_users_home(driver: Driver, tmp_path: Path) -> None:
    (home,) = {
        value
        for pid in driver.marked.alive()
        if "HOME" in (environment := psutil.Process(pid).environ())
        for value in [environment["HOME"]]
    }
    assert not (Path(home) / ".ray").exists()
