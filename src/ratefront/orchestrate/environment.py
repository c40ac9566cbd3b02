"""Where a sweep ran and with what: kept in its folder, so that every point can be traced."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import ratefront
from ratefront.text import without_credentials


def _git(*arguments: str) -> str | None:
    """What git says of the tree that ratefront runs from; None where there is none, or no git."""
    command = ["git", "-C", str(Path(ratefront.__file__).parent), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout


def _packages() -> dict[str, str]:
    return dict(sorted({item.name.lower(): item.version for item in distributions()}.items()))


def describe_environment() -> dict[str, Any]:
    """Commit and diff of the source tree, versions of all packages, the machine."""
    commit = _git("rev-parse", "HEAD")
    return {
        "command": [without_credentials(word) for word in sys.argv],
        "git_commit": commit.strip() if commit else None,
        "git_diff": _git("diff", "HEAD") if commit else None,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpu_count": os.cpu_count(),
        "cpus_usable": len(os.sched_getaffinity(0)),
        "packages": _packages(),
    }
