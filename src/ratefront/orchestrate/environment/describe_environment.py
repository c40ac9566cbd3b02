"""Where a sweep ran and with what: kept in its folder, so that every point can be traced."""

from __future__ import annotations

import logging
import os
import platform
import sys
from collections.abc import Iterable, Mapping
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import ratefront
from ratefront.errors import InputError
from ratefront.orchestrate.environment.environment_difference import software_changes
from ratefront.orchestrate.environment.git_tree import commit_of, git, trees_of
from ratefront.own_code import own_modules
from ratefront.safe_text import without_credentials
from ratefront.store.environment_files import (
    diff_beside,
    environment_descriptions,
    next_description,
    read_environment,
)
from ratefront.store.files.atomic_files import write_json, write_text
from ratefront.store.sweep_folder import SweepFolder

#: Where these are the same, a later start of a sweep needs no description of its own.
_DECISIVE = ("git_commit", "git_diff", "user_trees", "packages")
_HERE = Path(ratefront.__file__).parent

_log = logging.getLogger(__name__)


def _commit() -> str | None:
    """Of the tree that ratefront runs from; None also where it is installed in a tree that is not its own."""
    if git(_HERE, "ls-files", "--error-unmatch", ratefront.__file__) is None:
        return None
    return commit_of(_HERE)


def _packages() -> dict[str, str]:
    return dict(sorted({item.name.lower(): item.version for item in distributions()}.items()))


def describe_environment(modules: Iterable[str] = ()) -> dict[str, Any]:
    """Commit and diff of ratefront's source tree, and of the trees of the user's that this process runs in and that
    ``modules`` are in; versions of all packages, the machine.
    """
    commit = _commit()
    # What is installed, and not from somebody's tree, need not be followed.
    folders = {Path.cwd(), *(file.parent for file in own_modules((), modules).values())}
    return {
        "command": [without_credentials(word) for word in sys.argv],
        "git_commit": commit,
        "git_diff": git(_HERE, "diff", "HEAD") if commit else None,
        "user_trees": trees_of(folders, but=_HERE if commit else None),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpu_count": os.cpu_count(),
        "cpus_usable": len(os.sched_getaffinity(0)),
        "packages": _packages(),
    }


def write_environment(folder: SweepFolder, modules: Iterable[str] = ()) -> None:
    """Describe the environment of a start of the sweep, with its diff in a file, unless the last one was the same.

    Other software than the last start had is warned of: what it computes need not be the same.
    """
    before, now = _last(folder), describe_environment(modules)
    if _differs(before, now):
        if before and (lines := software_changes(before, now)):
            _log.warning("the sweep goes on with other software than before: %s", "; ".join(lines))
        description = next_description(folder)
        _write_diff(diff_beside(description), now["git_diff"])
        write_json(description, now)


def add_inputs(folder: SweepFolder, inputs: Mapping[str, str]) -> None:
    """Say in the last description what data, code and weights there were, by their digests."""
    last = _last(folder)
    if last and last.get("inputs") != inputs:
        write_json(environment_descriptions(folder)[-1], {**last, "inputs": dict(inputs)})


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
    return any(before.get(name) != now.get(name) for name in _DECISIVE)
