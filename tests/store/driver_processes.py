"""Starts and ends processes that hold a ledger; see ``fake_driver``."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]


@contextmanager
def driving(folder: Path, how: str) -> Iterator[subprocess.Popen[str]]:
    """A process that drives ``folder`` inside; it has the ledger when this begins, and is killed when it ends."""
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "tests" / "store" / "fake_driver.py"), str(folder), how],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "src")])},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "ready"
        yield process
    finally:
        process.kill()
        process.communicate()
