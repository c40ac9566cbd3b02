"""A folder of files that belong together, with the checksum of each in its ``facts.json``.

The checksums are needed because a machine that dies may leave files that exist and are empty. Such a folder must not be
used.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ratefront.bounded_files import read_json_file
from ratefront.store.files.atomic_files import flush_to_disk, write_json

FACTS_FILE = "facts.json"


def write_checksums(folder: Path, facts: Mapping[str, Any]) -> None:
    """Write ``facts.json``: the ``facts``, and the SHA-256 of every other file.

    When this returns, all of the files are on the disk.
    """
    files = sorted(path for path in folder.iterdir() if path.name != FACTS_FILE)
    write_json(folder / FACTS_FILE, {**facts, "sha256": {path.name: _checksum(path) for path in files}})
    flush_to_disk([*files, folder / FACTS_FILE, folder])


def is_intact(folder: Path, **expected: Any) -> bool:
    """True where every file has its checksum, and no fact differs from ``expected``."""
    try:
        facts: dict[str, Any] = read_json_file(folder / FACTS_FILE)
        unchanged = all(
            _checksum(folder / name) == checksum for name, checksum in facts.get("sha256", {}).items()
        )
    except (OSError, ValueError, AttributeError):
        return False
    return unchanged and all(facts.get(name, value) == value for name, value in expected.items())


def _checksum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
