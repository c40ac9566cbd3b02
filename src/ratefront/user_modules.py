"""A user's own code: finds the modules that a user's module imports, by reading their source; none is run."""

from __future__ import annotations

import ast
import hashlib
import sysconfig
from collections.abc import Iterable, Iterator, Mapping
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import find_spec, resolve_name
from pathlib import Path

#: Packages that are not a user's own, wherever they lie.
_NOT_THE_USERS = frozenset({"torch", "torchvision", "ratefront"})
_STANDARD = tuple({Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "platstdlib")})
_INSTALLED = frozenset({"site-packages", "dist-packages"})


def is_own_module(module: str) -> bool:
    """Tell whether a module may be a user's; those of ratefront and torch are not."""
    return module.partition(".")[0] not in _NOT_THE_USERS


def is_installed(file: Path) -> bool:
    """Tell whether a module's file belongs to an installed package, or to Python itself."""
    file = file.resolve()
    return not _INSTALLED.isdisjoint(file.parts) or any(file.is_relative_to(folder) for folder in _STANDARD)


def own_modules(targets: Iterable[str], others: Iterable[str] = ()) -> dict[str, Path]:
    """Find the files, by module name, of all the user's own modules that ``targets`` and ``others`` depend on.

    A target counts with all modules that it imports from its own package, and with all further imports that are not
    installed packages. Of ``others`` the same modules count, but of an installed one the module itself alone.
    """
    targets, others = set(filter(is_own_module, targets)), set(filter(is_own_module, others))
    packages = {_top_level_name(target) for target in targets}
    file_of: dict[str, Path] = {}
    waiting = [*targets, *others]
    while waiting:
        name = waiting.pop()
        file = None if name in file_of else _file_of(name)
        if file is None:
            continue
        is_followed = _top_level_name(name) in packages or not is_installed(file)
        if is_followed or name in others:
            file_of[name] = file
        if is_followed:
            waiting += filter(is_own_module, _imported_by(name, file))
    return dict(sorted(file_of.items()))


def module_files(modules: Iterable[str]) -> dict[str, Path]:
    """Return the file of each of these modules that exists."""
    return {name: file for name in modules if (file := _file_of(name)) is not None}


def module_digests(modules: Mapping[str, Path], kind: str = "code") -> dict[str, str]:
    """Return the SHA-256 of each module's file by ``code MODULE``; ``kind`` takes the place of ``code``."""
    return {f"{kind} {name}": hashlib.sha256(file.read_bytes()).hexdigest() for name, file in modules.items()}


def _top_level_name(name: str) -> str:
    return name.partition(".")[0]


def _file_of(name: str) -> Path | None:
    """Return the module's file; None where there is none: it is built in, in an archive, or a folder without code."""
    spec = _spec_of(name)
    if spec is None or not spec.has_location or spec.origin is None:
        return None
    file = Path(spec.origin)
    return file if file.is_file() else None  # nor is a FIFO one: its reader would wait


def _spec_of(name: str) -> ModuleSpec | None:
    """Find a module as an import would; the packages above it are not imported."""
    first, *rest = name.split(".")
    try:
        spec = find_spec(first)
    except (ValueError, ImportError):  # a module that has no file, as in an interactive session
        return None
    for part in rest:
        if spec is None or spec.submodule_search_locations is None:
            return None
        # By its last name alone: with a dot in it, the packages above would have to be imported.
        spec = PathFinder.find_spec(part, list(spec.submodule_search_locations))
    return spec


def _imported_by(name: str, file: Path) -> Iterator[str]:
    """Yield every module that a source file imports, with the packages above it, and those above the file's module."""
    package = name if file.stem == "__init__" else name.rpartition(".")[0]
    yield from _with_parents(package)
    if file.suffix != ".py":
        return
    try:
        tree = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError):  # the import of it will say so
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _with_parents(alias.name)
        elif isinstance(node, ast.ImportFrom):
            yield from _named_in_from(node, package)


def _named_in_from(node: ast.ImportFrom, package: str) -> Iterator[str]:
    """Yield what a ``from`` import names: modules, or objects in a module."""
    try:
        base = resolve_name("." * node.level + (node.module or ""), package) if node.level else node.module
    except ImportError:  # beyond the outermost package
        return
    yield from _with_parents(base or "")
    yield from (f"{base}.{alias.name}" for alias in node.names)


def _with_parents(name: str) -> Iterator[str]:
    parts = name.split(".") if name else []
    yield from (".".join(parts[: count + 1]) for count in range(len(parts)))
