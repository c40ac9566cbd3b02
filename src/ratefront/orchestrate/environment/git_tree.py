"""What git says of a folder: which commit is checked out there, and what was changed and not committed."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

#: A longer diff, as of a notebook with pictures, is not kept.
_LONGEST_DIFF = 1 << 20


def git(folder: Path, *arguments: str) -> str | None:
    """None where there is no tree of git's, or no git."""
    command = ["git", "-C", str(folder), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode(errors="replace")  # a diff has the bytes of other people's files


def commit_of(folder: Path) -> str | None:
    """None also in a tree without a commit."""
    commit = git(folder, "rev-parse", "HEAD")
    return commit.strip() if commit else None


def trees_of(folders: Iterable[Path], but: Path | None) -> list[dict[str, Any]]:
    """``folder``, ``git_commit`` and ``git_diff`` (empty where nothing was changed) of each tree that a folder is in,
    without that of ``but``.
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
