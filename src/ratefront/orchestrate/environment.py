"""Where a sweep ran and with what: kept in its folder, so that every point can be traced."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import ratefront
from ratefront.errors import InputError
from ratefront.store.atomic import write_json, write_text
from ratefront.store.environment import (
    diff_beside,
    environment_descriptions,
    next_description,
    read_environment,
)
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


def write_environment(folder: SweepFolder) -> None:
    """Describe the environment of a start of the sweep, with its diff in a file, unless the last one was the same."""
    now = describe_environment()
    if _differs(_last(folder), now):
        description = next_description(folder)
        _write_diff(diff_beside(description), now["git_diff"])
        write_json(description, now)


def _write_diff(path: Path, diff: str | None) -> None:
    """Before the description, without which nobody looks at it: one that a killed start left is replaced."""
    path.unlink(missing_ok=True)
    if diff:
        write_text(path, diff)


def _last(folder: SweepFolder) -> Mapping[str, Any]:
    try:
        return read_environment(environment_descriptions(folder)[-1])
    except (IndexError, InputError):
        return {}


def _differs(before: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    return any(before.get(name) != now[name] for name in _DECISIVE)
