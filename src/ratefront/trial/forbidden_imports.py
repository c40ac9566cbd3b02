"""Keeps packages out of a process: a trial is a pure function, and this is how one proves it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from types import ModuleType


class _Forbidden(MetaPathFinder):
    def __init__(self, packages: Sequence[str]) -> None:
        self._packages = frozenset(packages)

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> None:
        if fullname.partition(".")[0] in self._packages:
            raise ModuleNotFoundError(f"{fullname} is kept out of this process: a trial knows nothing of it")


def forbid_imports(*packages: str) -> None:
    """From now on these packages cannot be imported here.

    Raises:
        RuntimeError: One has been imported already: the claim would be empty.
    """
    loaded = [package for package in packages if package in sys.modules]
    if loaded:
        raise RuntimeError(f"already imported: {', '.join(loaded)}")
    sys.meta_path.insert(0, _Forbidden(packages))
