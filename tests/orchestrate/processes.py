"""Processes that carry a mark in their environment, as /proc tells of them; and drivers to kill."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

HERE = Path(__file__).parent


def marked(mark: str) -> list[str]:
    """What they were called with, and what runs below them (Ray's agents overwrite their environment)."""
    found = {}
    for path in Path("/proc").glob("[0-9]*"):
        try:
            is_ours = f"SWEEP_MARK={mark}".encode() in (path / "environ").read_bytes()
            if is_ours or _works_for(path, mark):
                found[path.name] = (path / "cmdline").read_bytes().replace(b"\0", b" ").decode()[:80]
        except OSError:
            continue
    return list(found.values())


def _works_for(path: Path, mark: str) -> bool:
    """Its files lie in the cluster's own folder, whose name has the mark."""
    return any(mark in str(link.readlink()) for link in (path / "fd").iterdir())


def assert_nothing_left(mark: str, within_s: float = 12) -> None:
    deadline = time.monotonic() + within_s
    while (found := marked(mark)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert found == []


def wait_until(holds: Callable[[], Any], within_s: float = 120) -> Any:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if found := holds():
            return found
        time.sleep(0.05)
    pytest.fail("it did not get that far")


class Driver:
    """A driver in a process of its own; all that it starts carries ``mark`` in its environment, or works in a folder
    that is named after it.
    """

    def __init__(self, folder: Path, *more: str, trials: int = 8, step_s: float = 0.3) -> None:
        self.folder, self.mark = folder, uuid4().hex[:12]
        self._ray_folder = Path(
            tempfile.mkdtemp(prefix=f"rf-{self.mark}-")
        )  # sockets may not have long names
        settings = {
            "PYTHONPATH": str(HERE),
            "FAKE_STEP_S": str(step_s),
            "SWEEP_MARK": self.mark,
            "RAY_TMPDIR": str(self._ray_folder),
            "PYTHONWARNINGS": "ignore",
        }
        command = [sys.executable, str(HERE / "sweep_process.py"), str(folder), str(trials), *more]
        self.process = subprocess.Popen(
            command, env=os.environ | settings, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def wait_until(self, holds: Callable[[], Any]) -> Any:
        """Until it holds; the driver has to live that long."""

        def holds_and_lives() -> Any:
            assert self.process.poll() is None, self.process.communicate()[0]
            return holds()

        return wait_until(holds_and_lives)

    def send(self, number: signal.Signals) -> tuple[int, str, float]:
        """Exit code, what was said, and how many seconds it took."""
        began = time.monotonic()
        self.process.send_signal(number)
        return *self.outcome(), time.monotonic() - began

    def outcome(self) -> tuple[int, str]:
        said, _ = self.process.communicate(timeout=180)
        return self.process.returncode, said

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()
        assert_nothing_left(self.mark)
        shutil.rmtree(self._ray_folder, ignore_errors=True)
