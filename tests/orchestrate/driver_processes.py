"""Drivers of fake sweeps, to kill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.processes import Marked

HERE = Path(__file__).parent


def wait_until(holds: Callable[[], Any], within_s: float = 120) -> Any:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if result := holds():
            return result
        time.sleep(0.05)
    pytest.fail("it did not get that far")


class Driver:
    """A driver in a process of its own; all that it starts is marked."""

    def __init__(self, folder: Path, *more: str, trials: int = 8, step_s: float = 0.3) -> None:
        self.folder, self.marked = folder, Marked()
        paths = os.pathsep.join(filter(None, [str(HERE), os.environ.get("PYTHONPATH")]))
        settings = {"PYTHONPATH": paths, "FAKE_STEP_S": str(step_s), "PYTHONWARNINGS": "ignore"}
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / "sweep_process.py"), str(folder), str(trials), *more],
            env=os.environ | settings | self.marked.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def runs(self, name: str) -> bool:
        """True where a process of this name is there: by the first word, as others are told Ray's paths."""
        return any(name in called.partition(" ")[0] for called in self.marked.alive().values())

    def wait_until(self, holds: Callable[[], Any]) -> Any:
        """Until it holds; the driver has to live that long."""

        def holds_and_lives() -> Any:
            assert self.process.poll() is None, self.process.communicate()[0]
            return holds()

        return wait_until(holds_and_lives)

    def send(self, number: signal.Signals) -> tuple[int, str, float]:
        """Exit code, output, and how many seconds it took."""
        began = time.monotonic()
        self.process.send_signal(number)
        return *self.outcome(), time.monotonic() - began

    def outcome(self) -> tuple[int, str]:
        output, _ = self.process.communicate(timeout=180)
        return self.process.returncode, output

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()
        self.marked.close()
