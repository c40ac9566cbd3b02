"""``ratefront dashboard`` as a process, and what it answers."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from tests.builders import FakeSweep

from ratefront.tracking.browsing.local_server import HOST, any_free_port

COMMAND = [sys.executable, "-c", "from ratefront.cli import main; main()", "dashboard"]


@dataclass
class Served:
    """A dashboard, where it is, and the sweep that it shows."""

    sweep: FakeSweep
    process: subprocess.Popen[str]
    address: str

    @property
    def base(self) -> str:
        return self.address.partition("/dashboard/")[0]

    def get(self, path: str) -> Any:
        with urlopen(f"{self.base}/api/{path}") as answer:
            return json.load(answer)

    @property
    def study(self) -> Any:
        return self.get("studies/0")

    def ask(self, method: str, path: str, data: Any = None, **headers: str) -> tuple[int, Any]:
        """The answer's status and content, whichever it is."""
        body = None if data is None else json.dumps(data).encode()
        headers = {"Content-Type": "application/json", **headers}
        try:
            with urlopen(
                Request(f"{self.base}/api/{path}", data=body, method=method, headers=headers)
            ) as answer:
                return answer.status, json.loads(answer.read() or b"null")
        except HTTPError as error:
            with error:
                return error.code, json.load(error)


@contextmanager
def dashboard(sweep: FakeSweep) -> Iterator[Served]:
    """Serve a sweep; no process is left afterwards."""
    port = any_free_port()
    process = subprocess.Popen(
        [*COMMAND, str(sweep.path), "--port", str(port)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        address = next((line for line in process.stdout if line.startswith(f"http://{HOST}:{port}/")), None)
        assert address is not None, "it ended without an address"
        yield Served(sweep, process, address.strip())
    finally:
        process.kill()
        process.communicate()
