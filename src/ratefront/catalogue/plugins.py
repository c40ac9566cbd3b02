"""What other packages add to the catalogue: functions ``register(catalogue)``, named as entry points.

They are called when the catalogue is first used, not when it is imported. A plugin imports parts of ratefront that
import the catalogue, and may itself be imported first.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from threading import RLock
from typing import TYPE_CHECKING, Any

from ratefront.catalogue.datasets import DatasetParameters
from ratefront.catalogue.family_parameters import FamilyParameters
from ratefront.catalogue.registry import Registered, Registry
from ratefront.catalogue.task_models import TaskModelParameters
from ratefront.errors import InputError

if TYPE_CHECKING:
    from ratefront.catalogue import Catalogue

#: The group of the entry points.
GROUP = "ratefront"

_TARGET = re.compile(r"\w+(\.\w+)*:\w+")


class Plugins:
    """The plugins of this environment; each is called once in a process."""

    def __init__(self) -> None:
        self._lock, self._begun = RLock(), False
        self._failure: InputError | None = None

    def load(self, catalogue: Catalogue) -> None:
        """Let every plugin register in ``catalogue``, in order of their names; later calls repeat the outcome.

        Raises:
            InputError: A plugin cannot be used; it says which one, of which distribution, and why.
        """
        with self._lock:
            if not self._begun:
                self._begun = True  # a plugin that looks something up itself finds what is there so far
                self._failure = _failure(catalogue)
        if self._failure is not None:
            raise self._failure


def _failure(catalogue: Catalogue) -> InputError | None:
    """Return the error of the first plugin that cannot be used; None if all can."""
    for point in sorted(entry_points(group=GROUP), key=lambda point: (point.name, point.value)):
        try:
            _call(point, catalogue)
        except Exception as error:  # the plugin is foreign code and may raise anything
            failure = InputError(_refusal(point, error))
            failure.__cause__ = error
            return failure
    return None


def _refusal(point: EntryPoint, error: Exception) -> str:
    """Return the error in one line, with the plugin's distribution."""
    name, version = (point.dist.name, point.dist.version) if point.dist else ("no distribution", "")
    reason = " ".join(f"{type(error).__name__}: {error}".split())
    return (
        f"plugin {point.name} ({point.value}, of {name} {version}) cannot be used: {reason}; "
        f"mend or uninstall {name}"
    )


def _call(point: EntryPoint, catalogue: Catalogue) -> None:
    before = {(registry.kind, name) for registry, _ in _registries(catalogue) for name in registry}
    point.load()(catalogue)
    for registry, base in _registries(catalogue):
        for name in registry:
            if (registry.kind, name) not in before:
                _check(registry[name], f"{registry.kind} {name!r}", base)


def _registries(catalogue: Catalogue) -> Iterator[tuple[Registry[Any], type]]:
    """Yield each registry with the class that the parameters of its entries must derive from."""
    yield catalogue.families, FamilyParameters
    yield catalogue.datasets, DatasetParameters
    yield catalogue.task_models, TaskModelParameters


def _check(entry: Registered[Any], what: str, base: type) -> None:
    """Refuse an entry that would fail only in the first trial. Of its target, only the package is imported."""
    if not issubclass(entry.parameters, base):
        raise TypeError(
            f"the parameters of {what} are a subclass of {base.__name__}, got {entry.parameters.__name__}"
        )
    if not isinstance(entry.target, str) or not _TARGET.fullmatch(entry.target):
        raise TypeError(f'the target of {what} is text, "package.module:name", got {entry.target!r}')
    module = entry.target.partition(":")[0]
    if find_spec(module) is None:
        raise ModuleNotFoundError(f"the target of {what} is in {module}, which is not there")
