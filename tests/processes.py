"""Processes of a driver and its cluster, told by a mark: who of them is still there."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

MARK = "SWEEP_MARK"


def _open_files(process: Path) -> Iterator[str]:
    for link in (process / "fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            yield str(link.readlink())


class Marked:
    """All that is started with ``environment``: it carries the mark there, or works in a folder that is named after it.

    Ray's agents and workers overwrite their environment, but all have files open in their cluster's folder.
    """

    def __init__(self) -> None:
        self.mark = uuid4().hex[:12]
        self.ray_folder = Path(tempfile.mkdtemp(prefix=f"rf-{self.mark}-"))  # sockets may not have long names
        self.environment = {MARK: self.mark, "RAY_TMPDIR": str(self.ray_folder)}

    def alive(self) -> dict[int, str]:
        """The number of each process, and how it was called: in full, as the paths in it may be of any length."""
        found = {}
        for path in Path("/proc").glob("[0-9]*"):
            try:
                if int(path.name) != os.getpid() and (
                    self._carries_mark(path) or self._works_in_folder(path)
                ):
                    found[int(path.name)] = (path / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
        return found

    def _carries_mark(self, path: Path) -> bool:
        return f"{MARK}={self.mark}".encode() in (path / "environ").read_bytes().split(b"\0")

    def _works_in_folder(self, path: Path) -> bool:
        return any(file.startswith(f"{self.ray_folder}/") for file in _open_files(path))

    def assert_none_left(self, within_s: float = 12.0) -> None:
        """Ray's own agents may outlive a cluster that was killed for a moment."""
        deadline = time.monotonic() + within_s
        while (found := self.alive()) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert found == {}, found

    def close(self, within_s: float = 12.0) -> None:
        """
        Raises:
            AssertionError: A process is left.
        """
        try:
            self.assert_none_left(within_s)
        finally:
            shutil.rmtree(self.ray_folder, ignore_errors=True)
