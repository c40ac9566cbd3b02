"""What is otherwise here and now than where a sweep ran: why a trial may come out with other bits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import entry_points
from typing import Any

from ratefront.catalogue.plugins import GROUP
from ratefront.orchestrate.environment import describe_environment
from ratefront.store.environment import environment_descriptions, read_environment
from ratefront.store.folder import SweepFolder

#: Packages whose version can move a trial's bits.
_PACKAGES = ("torch", "torchvision", "compressai", "constriction", "numpy", "scikit-learn", "ratefront")
_FACTS = ("git_commit", "python", "platform", "cpus_usable")


def environment_changes(folder: SweepFolder) -> list[str]:
    """A line (``environment.json: torch 2.15.0 → 2.16.0``) for each difference to each start of the sweep.

    Raises
    ------
    InputError
        A file that should describe an environment does not.
    """
    now = describe_environment()
    files = environment_descriptions(folder)
    return [f"{path.name}: {line}" for path in files for line in _changes(read_environment(path), now)]


def _changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    lines = _differing(_FACTS, before, now)
    if before.get("git_diff") != now["git_diff"]:
        lines.append("git_diff, what was changed and not committed, is another")
    return lines + _differing((*_PACKAGES, *_plugins()), before.get("packages") or {}, now["packages"])


def _plugins() -> list[str]:
    """Packages that bring codecs, data sets or task models of their own."""
    found = (entry.dist for entry in entry_points(group=GROUP))
    return sorted({distribution.name.lower() for distribution in found if distribution is not None})


def _differing(names: Sequence[str], before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    found = [(name, before.get(name, "unknown"), now.get(name, "unknown")) for name in names]
    return [f"{name} {old} → {new}" for name, old, new in found if old != new]
