"""Whether image files can be used: each is decoded once, when a folder is opened for the first time."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from itertools import accumulate
from pathlib import Path

from ratefront.data.image_files import in_threads, problem_with
from ratefront.data.place import cache_folder
from ratefront.errors import InputError
from ratefront.store.atomic import write_json

_log = logging.getLogger(__name__)

_SHOWN = 5
_CONTENTS_BELOW_BYTES = 64 << 20


def usable(root: Path, files: Sequence[str], at_least: int, skip_corrupt: bool) -> list[str]:
    """Those of the files, relative to ``root``, that can be decoded and have ``at_least`` pixels a side.

    The verdict is kept in the cache for as long as no file changes its path, size or time.

    Raises
    ------
    InputError
        Some cannot be used, and are not to be skipped: how many, which, and why.
    """
    problems = _problems(root, files, at_least)
    if not problems:
        return list(files)
    shown = "; ".join(f"{name} ({why})" for name, why in list(problems.items())[:_SHOWN])
    more = f"; and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
    told = f"{root}: {len(problems)} of {len(files)} image files cannot be used: {shown}{more}"
    if not skip_corrupt:
        raise InputError(f"{told}. Repair or remove them, or leave them out with skip_corrupt: true")
    _log.warning("%s. They are left out", told)
    return [name for name in files if name not in problems]


def _problems(root: Path, files: Sequence[str], at_least: int) -> dict[str, str]:
    kept = cache_folder() / "data" / "checked" / f"{_listing(root, files)}-{at_least}.json"
    with suppress(OSError, ValueError):
        known: dict[str, str] = json.loads(kept.read_text(encoding="utf-8"))
        return known
    found = in_threads(partial(problem_with, at_least=at_least), [str(root / name) for name in files])
    problems = {name: why for name, why in zip(files, found, strict=True) if why}
    with suppress(OSError):  # a cache that cannot be written only costs the next look
        kept.parent.mkdir(parents=True, exist_ok=True)
        write_json(kept, problems)
    return problems


def _listing(root: Path, files: Sequence[str]) -> str:
    """A digest of paths, sizes and times of last change."""
    total = hashlib.sha256()
    for name in files:
        status = (root / name).stat()
        total.update(f"{name}\0{status.st_size}\0{status.st_mtime_ns}\n".encode(errors="surrogateescape"))
    return total.hexdigest()


def content_of(root: Path, files: Sequence[str]) -> str:
    """A digest that tells the files from others: of paths and contents up to 64 MiB together, else of the listing."""
    sizes = accumulate((root / name).stat().st_size for name in files)
    if any(size > _CONTENTS_BELOW_BYTES for size in sizes):  # a large folder is known for one after few files
        return _listing(root, files)
    total = hashlib.sha256()
    for name in files:
        content = (root / name).read_bytes()
        total.update(f"{name}\0{len(content)}\n".encode(errors="surrogateescape") + content)
    return total.hexdigest()
