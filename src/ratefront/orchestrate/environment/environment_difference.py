"""Compares two descriptions of an environment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import entry_points
from typing import Any

from ratefront.catalogue.plugins import GROUP

#: Packages whose version can change a trial's bits.
_PACKAGES = ("torch", "torchvision", "compressai", "constriction", "numpy", "scikit-learn", "ratefront")


def all_changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return a line (``torch 2.15.0 → 2.16.0``) for each difference that can change a trial's bits."""
    lines = _differing(("platform", "cpus_usable"), before, now)
    return [*software_changes(before, now), *lines, *_changes_of_trees(before, now)]


def software_changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return the lines for ratefront, Python, packages and plugins alone."""
    lines = _differing(("git_commit", "python"), before, now)
    if before.get("git_diff") != now["git_diff"]:
        lines.append("git_diff, the uncommitted changes of ratefront, differs")
    return lines + _differing((*_PACKAGES, *_plugins()), before.get("packages", {}), now["packages"])


def _changes_of_trees(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return the lines for those of the user's own trees that are in both descriptions."""
    known = {tree["folder"]: tree for tree in before.get("user_trees", ())}
    lines = []
    for tree in now.get("user_trees", ()):
        if old := known.get(tree["folder"]):
            changes = _differing(("git_commit",), old, tree)
            changes += ["git_diff differs"] if old["git_diff"] != tree["git_diff"] else []
            lines += [f"{tree['folder']}: {line}" for line in changes]
    return lines


def _plugins() -> list[str]:
    """Return the packages that register codecs, data sets or task models of their own."""
    distributions = (entry.dist for entry in entry_points(group=GROUP))
    return sorted({distribution.name.lower() for distribution in distributions if distribution is not None})


def _differing(names: Sequence[str], before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    pairs = [(name, before.get(name, "unknown"), now.get(name, "unknown")) for name in names]
    return [f"{name} {old} → {new}" for name, old, new in pairs if old != new]
