"""A folder of files that belong together, with the checksum of each in its ``facts.json``: whole, or not to be used.

A machine that dies may leave files that are there and hold nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ratefront.store.files.atomic_files import flush_to_disk, write_json

FACTS_FILE = "facts.json"


def write_checksums(folder: Path, facts: Mapping[str, Any]) -> None:
    """Write ``facts.json`` with the SHA-256 of every other file; when this returns, all of them are on the disk."""
    files = sorted(path for path in folder.iterdir() if path.name != FACTS_FILE)
    write_json(folder / FACTS_FILE, {**facts, "sha256": {path.name: _checksum(path) for path in files}})
    flush_to_disk([*files, folder / FACTS_FILE, folder])


def is_intact(folder: Path, **expected: Any) -> bool:
    """True where every file that was sealed is there as it was, and the facts are not other ones than ``expected``."""
    try:
        facts: dict[str, Any] = json.loads((folder / FACTS_FILE).read_bytes())
        sealed = all(_checksum(folder / name) == its for name, its in facts.get("sha256", {}).items())
    except (OSError, ValueError, AttributeError):
        return False
    return sealed and all(facts.get(name, value) == value for name, value in expected.items())


def _checksum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
