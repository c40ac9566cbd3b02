"""Asks git about a folder: which commit is checked out there, and what is changed and not committed.

The folder may have been unpacked from a stranger's archive. A tree's own settings can name programs that git runs: they
are switched off. A tree can name another repository as its own, whose content a diff would show: see ``_top_of``.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ratefront.bounded_files import read_regular_file

#: A longer diff, such as one of a notebook with pictures, is not kept.
_LONGEST_DIFF = 1 << 20


def git(folder: Path, *arguments: str, settings: Mapping[str, str] | None = None) -> str | None:
    """Return what git prints; None if the folder is in no git tree, or git is not installed."""
    command = ["git", "-C", str(folder), *arguments]
    environment = _with_settings(
        {"core.fsmonitor": "false", "core.hooksPath": os.devnull, **(settings or {})}
    )
    try:
        completed = subprocess.run(command, capture_output=True, timeout=20, check=True, env=environment)
    except (OSError, subprocess.SubprocessError):
        return None
    return os.fsdecode(completed.stdout)  # the name of a filter may hold any bytes


def _with_settings(settings: Mapping[str, str]) -> dict[str, str]:
    """Return the environment in which git takes these settings before all others; a name may hold any character.

    Nothing is fetched: a tree may claim that an object lies elsewhere, and name the program that gets it.
    """
    environment = {**os.environ, "GIT_ALLOW_PROTOCOL": "none"}
    count = environment.get("GIT_CONFIG_COUNT", "")
    first = int(count) if count.isdecimal() else 0
    for number, (name, value) in enumerate(settings.items(), start=first):
        environment |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": value}
    return environment | {"GIT_CONFIG_COUNT": str(first + len(settings))}


def commit_of(folder: Path) -> str | None:
    """Return the commit of the folder's tree; None if there is no tree or no commit."""
    commit = _top_of(folder) and git(folder, "rev-parse", "HEAD")
    return commit.strip() if commit else None


def diff_of(folder: Path) -> str | None:
    """Return what is changed and not committed; None if there is no tree or no commit.

    Neither filters nor viewers that the tree's own settings name are run, and submodules count by their commits alone,
    because they have settings of their own.
    """
    if _top_of(folder) is None:
        return None
    options = [
        "diff",
        "--no-ext-diff",
        "--no-textconv",
        "--submodule=short",
        "--ignore-submodules=dirty",
        "HEAD",
    ]
    diff = git(folder, *options, settings=_without_own_filters(folder))
    return None if diff is None else _as_unicode(diff)


def _as_unicode(text: str) -> str:
    """Replace what is not UTF-8: a diff or a folder's name may hold any bytes, and the description is JSON."""
    return os.fsencode(text).decode(errors="replace")


def _without_own_filters(folder: Path) -> dict[str, str]:
    """Return the settings that empty the filters which the tree itself has set; the user's own ones stay."""
    listed = (
        git(folder, "config", "--includes", "--name-only", "--null", scope, "--get-regexp", r"^filter\.")
        or ""
        for scope in ("--local", "--worktree")
    )
    keys = sorted({key.rpartition(".")[0] for text in listed for key in text.split("\0") if key})
    emptied = (("clean", ""), ("smudge", ""), ("process", ""), ("required", "false"))
    return {f"{key}.{name}": value for key in keys for name, value in emptied}


def trees_of(folders: Iterable[Path], but: Path | None) -> list[dict[str, Any]]:
    """Describe each git tree that one of the folders is in, except the tree of ``but``.

    A description has the keys ``folder``, ``git_commit`` and ``git_diff`` (empty if nothing was changed).
    """
    tops = {_top_of(folder) for folder in folders} - {None, but and _top_of(but)}
    return [
        {"folder": _as_unicode(top), "git_commit": commit_of(Path(top)), "git_diff": _short_diff(Path(top))}
        for top in sorted(filter(None, tops))
    ]


def _top_of(folder: Path) -> str | None:
    """Return the top of the tree that the folder is in; None if there is no tree, or its repository is not its own.

    The repository is the folder ``.git`` at the top; or one elsewhere that names this tree in turn, as it does for
    worktrees and submodules. What a stranger's archive holds can lead to a repository, but cannot make that agree.
    """
    answer = git(folder, "rev-parse", "--show-toplevel", "--absolute-git-dir", "--git-common-dir") or ""
    lines = answer.splitlines()
    if len(lines) != 3:  # no tree, or a line break in a name
        return None
    top, repository, common = (
        Path(lines[0]).resolve(),
        Path(lines[1]).resolve(),
        (folder / lines[2]).resolve(),
    )
    entry = top / ".git"
    if repository == entry:
        is_own = common == repository and not _has_links(repository)
    elif common == repository:
        is_own = _leads_to(entry, repository) and _submodule_of(repository) == top
    else:
        is_own = repository.parent == common / "worktrees" and _first_line(repository / "gitdir") == str(
            entry
        )
    return str(top) if is_own else None


def _has_links(repository: Path) -> bool:
    """Return whether a link leads from what git reads for a diff to another repository."""
    names = ("HEAD", "config", "index", "objects", "packed-refs", "refs")
    return any(
        path.is_symlink() for path in (*map(repository.joinpath, names), *repository.glob("refs/**/*"))
    )


def _leads_to(entry: Path, repository: Path) -> bool:
    name = _first_line(entry).removeprefix("gitdir: ")
    return entry.is_file() and (entry.parent / name).resolve() == repository


def _submodule_of(repository: Path) -> Path | None:
    """Return the tree that the repository of a submodule names as its own."""
    tree = git(repository, "config", "--file", "config", "core.worktree")
    return (repository / tree.strip()).resolve() if tree else None


def _first_line(path: Path) -> str:
    try:
        return os.fsdecode(read_regular_file(path)).strip()
    except OSError:
        return ""


def _short_diff(top: Path) -> str | None:
    diff = diff_of(top)
    if diff is None or len(diff) <= _LONGEST_DIFF:
        return diff
    return f"({len(diff)} characters, not kept)"
