"""Asks git about a folder: which commit is checked out there, and what is changed and not committed."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

#: A longer diff, such as one of a notebook with pictures, is not kept.
_LONGEST_DIFF = 1 << 20


def git(folder: Path, *arguments: str) -> str | None:
    """Return what git prints; None if the folder is in no git tree, or git is not installed."""
    command = ["git", "-C", str(folder), *arguments]
    try:
        completed = subprocess.run(command, capture_output=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return completed.stdout.decode(errors="replace")  # a diff may hold any bytes


def commit_of(folder: Path) -> str | None:
    """Return the commit of the folder's tree; None if there is no tree or no commit."""
    commit = git(folder, "rev-parse", "HEAD")
    return commit.strip() if commit else None


def trees_of(folders: Iterable[Path], but: Path | None) -> list[dict[str, Any]]:
    """Describe each git tree that one of the folders is in, except the tree of ``but``.

    A description has the keys ``folder``, ``git_commit`` and ``git_diff`` (empty if nothing was changed).
    """
    tops = {_top_of(folder) for folder in folders} - {None, but and _top_of(but)}
    return [
        {"folder": top, "git_commit": commit_of(Path(top)), "git_diff": _short_diff(Path(top))}
        for top in sorted(filter(None, tops))
    ]


def _top_of(folder: Path) -> str | None:
    top = git(folder, "rev-parse", "--show-toplevel")
    return top.strip() if top else None


def _short_diff(top: Path) -> str | None:
    diff = git(top, "diff", "HEAD")
    if diff is None or len(diff) <= _LONGEST_DIFF:
        return diff
    return f"({len(diff)} characters, not kept)"
