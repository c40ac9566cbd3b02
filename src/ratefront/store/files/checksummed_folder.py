"""A folder of files that belong together, with the checksum of each in its ``facts.json``.

The checksums are needed because a machine that dies may leave files that exist and are empty. Such a folder must not be
used. The folder may come from a stranger: only files in it are read, whatever ``facts.json`` names.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ratefront.bounded_files import read_json_file
from ratefront.errors import InputError
from ratefront.store.files.atomic_files import flush_to_disk, write_json
from ratefront.store.files.inside import inside

FACTS_FILE = "facts.json"


def write_checksums(folder: Path, facts: Mapping[str, Any]) -> None:
    """Write ``facts.json``: the ``facts``, and the SHA-256 of every other file.

    When this returns, all of the files are on the disk.
    """
    files = sorted(path for path in folder.iterdir() if path.name != FACTS_FILE)
    write_json(folder / FACTS_FILE, {**facts, "sha256": {path.name: _checksum(path) for path in files}})
    flush_to_disk([*files, folder / FACTS_FILE, folder])


def is_intact(folder: Path, **expected: Any) -> bool:
    """True where every file has its checksum, and the facts hold what is ``expected``.

    Raises:
        PermissionError: A file may not be read. It may be as it was.
    """
    try:
        facts = _facts(folder)
        unchanged = all(
            _checksum(inside(folder, name)) == checksum for name, checksum in facts["sha256"].items()
        )
    except PermissionError:
        raise
    except (OSError, ValueError, KeyError, TypeError, AttributeError, InputError):
        return False
    return unchanged and all(facts.get(name) == value for name, value in expected.items())


def copy_intact(folder: Path, to: Path) -> None:
    """Copy an intact folder into another one, which may exist: ``facts.json`` last, and nothing that it does not name.

    The folder above the copy must exist: a sweep's folder that was moved away is not made again.

    The copies get the mode that the process gives to new files, whatever the mode of the originals.
    """
    to.mkdir(exist_ok=True)
    names = [*_facts(folder)["sha256"], FACTS_FILE]
    for name in names:
        shutil.copyfile(inside(folder, name), inside(to, name))
    flush_to_disk([*(to / name for name in names), to])


def _facts(folder: Path) -> dict[str, Any]:
    facts: dict[str, Any] = read_json_file(inside(folder, FACTS_FILE))
    return facts


def _checksum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
