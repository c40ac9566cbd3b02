"""Describes where and with what software a sweep runs, so that each point can be traced. It is kept in the folder."""

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
from ratefront.orchestrate.environment.environment_difference import all_changes, software_changes
from ratefront.orchestrate.environment.git_tree import commit_of, diff_of, git, trees_of
from ratefront.safe_text import without_credentials
from ratefront.store.environment_files import (
    diff_beside,
    environment_descriptions,
    next_description,
    read_environment,
)
from ratefront.store.files.atomic_files import write_json, write_text
from ratefront.store.sweep_folder import SweepFolder
from ratefront.user_modules import own_modules

#: If these are the same, a later start of the sweep gets no description of its own.
_DECISIVE = ("git_commit", "git_diff", "user_trees", "packages")
_HERE = Path(ratefront.__file__).parent

_log = logging.getLogger(__name__)


def _commit() -> str | None:
    """Return the commit of the tree that ratefront runs from; None if it is installed into another project's tree."""
    if git(_HERE, "ls-files", "--error-unmatch", ratefront.__file__) is None:
        return None
    return commit_of(_HERE)


def _packages() -> dict[str, str]:
    return dict(sorted({item.name.lower(): item.version for item in distributions()}.items()))


def describe_environment(modules: Iterable[str] = ()) -> dict[str, Any]:
    """Describe the source trees, the versions of all packages and the machine.

    The trees are ratefront's own, the one of the working directory, and those that hold the user's ``modules``; each
    with its commit and diff.
    """
    commit = _commit()
    # An installed package has a version; only code in the user's own trees needs a commit.
    folders = {Path.cwd(), *(file.parent for file in own_modules((), modules).values())}
    return {
        "command": [without_credentials(word) for word in sys.argv],
        "git_commit": commit,
        "git_diff": diff_of(_HERE) if commit else None,
        "user_trees": trees_of(folders, but=_HERE if commit else None),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpu_count": os.cpu_count(),
        "cpus_usable": len(os.sched_getaffinity(0)),
        "packages": _packages(),
    }


def write_environment(folder: SweepFolder, modules: Iterable[str] = ()) -> None:
    """Write the description of this start of the sweep, with the diff in a file, unless the last one was the same.

    Warn if the software differs from that of the last start: its results may differ.
    """
    before, now = _last(folder), describe_environment(modules)
    if _differs(before, now):
        if before and (lines := software_changes(before, now)):
            _log.warning("the sweep goes on with other software than before: %s", "; ".join(lines))
        description = next_description(folder)
        _write_diff(diff_beside(description), now["git_diff"])
        write_json(description, now)


def add_inputs(folder: SweepFolder, inputs: Mapping[str, str]) -> None:
    """Add the digests of data, code and weights to the last description."""
    last = _last(folder)
    if last and last.get("inputs") != inputs:
        write_json(environment_descriptions(folder)[-1], {**last, "inputs": dict(inputs)})


def environment_changes(folder: SweepFolder) -> list[str]:
    """Return how this environment differs from those that the sweep ran in: why a trial may give other bits.

    Each difference to each start of the sweep is a line, such as ``environment.json: torch 2.15.0 → 2.16.0``.

    Raises:
        InputError: A file that should describe an environment does not.
    """
    now = describe_environment()
    files = environment_descriptions(folder)
    return [f"{path.name}: {line}" for path in files for line in all_changes(read_environment(path), now)]


def _write_diff(path: Path, diff: str | None) -> None:
    """Write the diff. This comes before the description: a killed start may leave a diff alone, which is replaced."""
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
