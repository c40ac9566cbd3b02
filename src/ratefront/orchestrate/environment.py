"""Where a sweep ran and with what: kept in its folder, so that every point can be traced."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import distributions
from itertools import count, takewhile
from pathlib import Path
from typing import Any

import ratefront
from ratefront.store.atomic import write_json
from ratefront.store.folder import SweepFolder
from ratefront.text import without_credentials

#: Where these are the same, a later start of a sweep needs no description of its own.
_DECISIVE = ("git_commit", "git_diff", "packages")


def _git(*arguments: str) -> str | None:
    """What git says of the tree that ratefront runs from; None where there is none, or no git."""
    command = ["git", "-C", str(Path(ratefront.__file__).parent), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode(errors="replace")  # a diff has the bytes of other people's files


def _commit() -> str | None:
    """None also where ratefront is installed in a tree that is not its own."""
    if _git("ls-files", "--error-unmatch", ratefront.__file__) is None:
        return None
    commit = _git("rev-parse", "HEAD")
    return commit.strip() if commit else None


def _packages() -> dict[str, str]:
    return dict(sorted({item.name.lower(): item.version for item in distributions()}.items()))


def describe_environment() -> dict[str, Any]:
    """Commit and diff of the source tree, versions of all packages, the machine."""
    commit = _commit()
    return {
        "command": [without_credentials(word) for word in sys.argv],
        "git_commit": commit,
        "git_diff": _git("diff", "HEAD") if commit else None,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpu_count": os.cpu_count(),
        "cpus_usable": len(os.sched_getaffinity(0)),
        "packages": _packages(),
    }


def environment_files(folder: SweepFolder) -> list[Path]:
    """``environment.json``, then ``environment-2.json`` and so on: one for each start that differed from the last."""
    every = (_numbered(folder.environment, number) for number in count(1))
    return list(takewhile(Path.exists, every))


def _numbered(first: Path, number: int) -> Path:
    return first if number == 1 else first.with_stem(f"{first.stem}-{number}")


def write_environment(folder: SweepFolder) -> None:
    """Describe the environment of a start of the sweep, unless the last one was the same."""
    written, now = environment_files(folder), describe_environment()
    if not written or _differs(_read(written[-1]), now):
        write_json(_numbered(folder.environment, len(written) + 1), now)


def _read(path: Path) -> Mapping[str, Any]:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return {}


def _differs(before: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    return any(before.get(name) != now[name] for name in _DECISIVE)
