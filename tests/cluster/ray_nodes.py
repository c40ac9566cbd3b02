"""A Ray cluster of several nodes on this machine, each at an address of its own, with a token."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import psutil
import pytest
from tests.processes import Marked

import ratefront

HEAD = "127.0.0.2"
OBJECT_STORE_BYTES = 80 * 2**20
#: A user's own module, with a metric.
METRIC_NAME = "share_of_nines"
METRIC = f"def {METRIC_NAME}(labels, classes):\n    return float((classes == 9).mean())\n"
RAY = [sys.executable, "-m", "ray.scripts.scripts"]
RATEFRONT = [sys.executable, "-c", "from ratefront.cli import main; main()"]
DIGITS = Path(__file__).parents[2] / "sweeps" / "digits.yaml"


@dataclass
class RayNodes:
    """The nodes of one cluster. The head has no cores, so that trials run on the others."""

    marked: Marked = field(default_factory=Marked)
    token: str = field(default_factory=lambda: uuid4().hex * 2)
    port: int = field(default_factory=lambda: _free_port())
    dashboard_port: int = field(default_factory=lambda: _free_port())

    @property
    def address(self) -> str:
        return f"{HEAD}:{self.port}"

    @property
    def secret(self) -> dict[str, str]:
        """What a client needs besides the address."""
        return {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": self.token}

    @property
    def dashboard(self) -> str:
        """Where the head takes jobs."""
        return f"http://{HEAD}:{self.dashboard_port}"

    def start_head(self, takes_jobs: bool = False) -> None:
        place = [
            "--head",
            "--port",
            str(self.port),
            "--num-cpus",
            "0",
            "--temp-dir",
            str(self.marked.ray_folder),
        ]
        jobs = ["--dashboard-host", HEAD, "--dashboard-port", str(self.dashboard_port)]
        self._start(HEAD, *place, *(jobs if takes_jobs else ["--include-dashboard=false"]))

    def add(
        self,
        host: str,
        *more: str,
        cpus: int = 1,
        environment: Mapping[str, str] | None = None,
        inside: Sequence[str] = (),
    ) -> None:
        """Start a node. ``inside`` are the words of a command in which it runs."""
        place = ["--address", self.address, "--num-cpus", str(cpus)]
        self._start(host, *place, *more, environment=environment or {}, inside=inside)

    def _start(
        self, host: str, *words: str, environment: Mapping[str, str] = {}, inside: Sequence[str] = ()
    ) -> None:
        common = [
            "--node-ip-address",
            host,
            "--disable-usage-stats",
            "--dashboard-agent-listen-port",
            "0",
            "--object-store-memory",
            str(OBJECT_STORE_BYTES),
        ]
        done = subprocess.run(
            [*inside, *RAY, "start", *words, *common],
            env=os.environ | self.marked.environment | self.secret | environment,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def kill(self, host: str) -> None:
        """Kill a node: all its processes at once."""
        for process in self._processes():
            if process.name() == "raylet" and f"--node_ip_address={host}" in process.cmdline():
                _kill([process, *process.children(recursive=True)])
                return
        raise AssertionError(f"there is no node at {host}")

    def close(self) -> None:
        while left := self._processes():  # what dies may start another first
            _kill(left)
        self.marked.close()

    def _processes(self) -> list[psutil.Process]:
        processes = []
        for pid in self.marked.alive():
            with suppress(psutil.NoSuchProcess):
                processes.append(psutil.Process(pid))
        return processes


def without(folder: Path) -> list[str]:
    """Words of a command in which a node does not see what is in this folder."""
    return ["unshare", "--mount", "sh", "-c", f'mount -t tmpfs none "{folder}" && exec "$@"', "sh"]


def python_path(folder: Path) -> str:
    """A PYTHONPATH with this folder in front of what is there."""
    return os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])


def other_code(folder: Path) -> dict[str, str]:
    """The environment of a node with another ratefront than this one: the same version, one file changed."""
    package = Path(ratefront.__file__).parent
    shutil.copytree(package, folder / "ratefront", ignore=shutil.ignore_patterns("__pycache__"))
    with (folder / "ratefront" / "metrics.py").open("a") as stream:
        stream.write("# changed\n")
    return {"PYTHONPATH": python_path(folder)}


def skip_unless_hiding_works() -> None:
    if subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode:
        pytest.skip("needs root: a node gets a file system of its own")


def _kill(processes: list[psutil.Process]) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(processes, timeout=20)


def _free_port() -> int:
    with socket.socket() as server:
        server.bind((HEAD, 0))
        port: int = server.getsockname()[1]
        return port
