"""The files in a sweep's folder that say where it ran: one description for each start that differs from the last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import count, takewhile
from pathlib import Path
from typing import Any

from ratefront.bounded_files import read_json_file
from ratefront.errors import InputError
from ratefront.record_fields import record_check
from ratefront.store.files.inside import inside
from ratefront.store.sweep_folder import SweepFolder


@dataclass(frozen=True)
class _UserTree:
    folder: str
    git_commit: str | None
    git_diff: str | None


@dataclass(frozen=True)
class _Description:
    """What is read of a description, which a stranger may have written; it may lack any of it."""

    git_commit: str | None
    git_diff: str | None
    user_trees: Sequence[_UserTree]
    python: str
    platform: str
    cpus_usable: int
    packages: Mapping[str, str | None]


def environment_descriptions(folder: SweepFolder) -> list[Path]:
    """The descriptions that exist: ``environment.json``, then ``environment-2.json`` and so on."""
    every = (_numbered(folder.environment, number) for number in count(1))
    return list(takewhile(Path.exists, every))


def next_description(folder: SweepFolder) -> Path:
    """The path of the description of the next start that differs."""
    return _numbered(folder.environment, len(environment_descriptions(folder)) + 1)


def diff_beside(description: Path) -> Path:
    """The path of the uncommitted changes of that start, if it had any: ``environment-2.diff``."""
    return inside(description.parent, description.with_suffix(".diff").name)


def environment_files(folder: SweepFolder) -> list[Path]:
    """Each description, followed by its diff where there is one."""
    both = ((path, diff_beside(path)) for path in environment_descriptions(folder))
    return [path for pair in both for path in pair if path.exists()]


def read_environment(description: Path) -> Mapping[str, Any]:
    """One description as plain data.

    Raises:
        InputError: It cannot be read, or is no description.
    """
    try:
        content = dict(read_json_file(description))
        record_check(_Description, is_partial=True)(content)
        return content
    except (OSError, ValueError, TypeError) as error:
        raise InputError(f"{description} cannot be read: {error}") from error


def git_commit_of(folder: SweepFolder) -> str | None:
    """The git commit that the last start ran from; None where it is not known."""
    try:
        last = environment_descriptions(folder)[-1]
        written = last.stat()
        return _commit_in(last, written.st_mtime_ns, written.st_size)
    except (IndexError, OSError, InputError):
        return None


@lru_cache(maxsize=8)
def _commit_in(description: Path, _written_ns: int, _bytes: int) -> str | None:
    """Read a description once: it also holds the diff, which may be long, and a tracker asks again and again."""
    commit = read_environment(description).get("git_commit")
    return commit if isinstance(commit, str) else None


def _numbered(first: Path, number: int) -> Path:
    return first if number == 1 else inside(first.parent, f"{first.stem}-{number}{first.suffix}")
