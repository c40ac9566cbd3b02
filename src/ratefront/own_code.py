"""A user's own code: the modules that theirs import, found by reading the source. Nothing of it is run."""

from __future__ import annotations

import ast
import hashlib
import sysconfig
from collections.abc import Iterable, Iterator, Mapping
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import find_spec, resolve_name
from pathlib import Path

#: What is no user's own, wherever it lies.
_NOT_THE_USERS = frozenset({"torch", "torchvision", "ratefront"})
_STANDARD = tuple({Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "platstdlib")})
_INSTALLED = frozenset({"site-packages", "dist-packages"})


def is_own_module(module: str) -> bool:
    """True where a module may be a user's: ratefront's and torch's are not."""
    return module.partition(".")[0] not in _NOT_THE_USERS


def own_modules(targets: Iterable[str], others: Iterable[str] = ()) -> dict[str, Path]:
    """The file of each module of the user's own that the modules ``targets`` are made of, by its name.

    That is a target, whatever of its package it imports, and what else it imports that is not installed; of
    ``others`` the same, but of an installed one no more than the module itself.
    """
    targets, others = set(filter(is_own_module, targets)), set(filter(is_own_module, others))
    packages = {_top(target) for target in targets}
    found: dict[str, Path] = {}
    waiting = [*targets, *others]
    while waiting:
        name = waiting.pop()
        file = None if name in found else _file_of(name)
        if file is None:
            continue
        is_followed = _top(name) in packages or not _is_installed(file)
        if is_followed or name in others:
            found[name] = file
        if is_followed:
            waiting += filter(is_own_module, _imported_by(name, file))
    return dict(sorted(found.items()))


def module_files(modules: Iterable[str]) -> dict[str, Path]:
    """The file of each of these modules that there is."""
    return {name: file for name in modules if (file := _file_of(name)) is not None}


def module_digests(modules: Mapping[str, Path], kind: str = "code") -> dict[str, str]:
    """``code MODULE`` and the SHA-256 of its file, of each; another ``kind`` takes the place of the first word."""
    return {f"{kind} {name}": hashlib.sha256(file.read_bytes()).hexdigest() for name, file in modules.items()}


def _top(name: str) -> str:
    return name.partition(".")[0]


def _is_installed(file: Path) -> bool:
    file = file.resolve()
    return not _INSTALLED.isdisjoint(file.parts) or any(file.is_relative_to(folder) for folder in _STANDARD)


def _file_of(name: str) -> Path | None:
    """None of what is not there, built in, or a folder without code."""
    spec = _spec_of(name)
    is_file = spec is not None and spec.has_location and spec.origin is not None
    return Path(spec.origin) if is_file and spec is not None and spec.origin is not None else None


def _spec_of(name: str) -> ModuleSpec | None:
    """As the import would find it; the packages above it are not imported."""
    first, *rest = name.split(".")
    try:
        spec = find_spec(first)
    except (ValueError, ImportError):  # a module that was made by hand, as in a session
        return None
    for part in rest:
        if spec is None or spec.submodule_search_locations is None:
            return None
        # By its last name alone: with a dot in it, the packages above would have to be imported.
        spec = PathFinder.find_spec(part, list(spec.submodule_search_locations))
    return spec


def _imported_by(name: str, file: Path) -> Iterator[str]:
    """Every module that the source of one names in an import, with the packages above it, and above itself."""
    package = name if file.stem == "__init__" else name.rpartition(".")[0]
    yield from _with_parents(package)
    if file.suffix != ".py":
        return
    try:
        tree = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError):  # whoever imports it is told
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _with_parents(alias.name)
        elif isinstance(node, ast.ImportFrom):
            yield from _from(node, package)


def _from(node: ast.ImportFrom, package: str) -> Iterator[str]:
    """What it names may be modules, or things in one."""
    try:
        base = resolve_name("." * node.level + (node.module or ""), package) if node.level else node.module
    except ImportError:  # beyond the outermost package
        return
    yield from _with_parents(base or "")
    yield from (f"{base}.{alias.name}" for alias in node.names)


def _with_parents(name: str) -> Iterator[str]:
    parts = name.split(".") if name else []
    yield from (".".join(parts[: count + 1]) for count in range(len(parts)))
