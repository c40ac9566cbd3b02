"""A registry of names: each entry holds a parameter model and the import path of what it names.

Names and parameters are checked without importing torch. The object is imported when it is first needed.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from ratefront.catalogue.file_locations import check_locations
from ratefront.errors import InputError, UnknownNameError

Parameters = TypeVar("Parameters", bound=BaseModel)


def load_target(target: str) -> Any:
    """Import and return the object at "package.module:name"."""
    module, _, attribute = target.partition(":")
    return getattr(importlib.import_module(module), attribute)


_remembered: ContextVar[dict[Any, dict[str, Any]] | None] = ContextVar("_remembered", default=None)


@contextmanager
def remember_descriptions() -> Iterator[None]:
    """Describe each entry only once inside this block, because reading data and building networks takes seconds."""
    if _remembered.get() is not None:
        yield
        return
    token = _remembered.set({})
    try:
        yield
    finally:
        _remembered.reset(token)


_described: ContextVar[bool] = ContextVar("_described", default=True)


@contextmanager
def without_descriptions() -> Iterator[None]:
    """Describe nothing inside this block: no data are read and no network is built, so that neither must exist."""
    token = _described.set(False)
    try:
        yield
    finally:
        _described.reset(token)


def are_described() -> bool:
    """Return whether data sets and task models must exist; not inside ``without_descriptions``."""
    return _described.get()


@dataclass(frozen=True)
class Registered(Generic[Parameters]):
    """One entry of a registry.

    Attributes:
        name: Its name in a sweep file.
        parameters: The model of its parameters.
        target: The import path of the object, ``package.module:name``.
        summary: A line for people.
        facts: What a check needs to know without importing the object, such as split points or classes.
        describe: The import path of a function that returns further facts, if facts depend on parameters.
    """

    name: str
    parameters: type[Parameters]
    target: str
    summary: str
    facts: dict[str, Any] = field(default_factory=dict)
    describe: str | None = None

    def facts_for(self, parameters: Parameters, *dataset_facts: Mapping[str, Any]) -> dict[str, Any]:
        """Return the facts of the entry with these parameters; a task model also takes the facts of its data set.

        Inside ``without_descriptions`` those are the general facts alone.

        Raises:
            InputError: The parameters name something that is missing or cannot be used, such as a file; a FIFO or a
                device is not opened.
        """
        if are_described():
            check_locations(parameters)
        if self.describe is None or not are_described():
            return dict(self.facts)
        remembered = _remembered.get()
        key = (self.describe, self.name, parameters.model_dump_json(), repr(dataset_facts))
        if remembered is None or key not in remembered:
            try:
                described: dict[str, Any] = self.facts | load_target(self.describe)(
                    parameters, *dataset_facts
                )
            except OSError as error:
                raise InputError(f"{error.filename or self.name}: {error.strerror or error}") from error
            if remembered is None:
                return described
            remembered[key] = described
        return dict(remembered[key])

    def load(self) -> Any:
        """Import and return the object that ``target`` points to."""
        return load_target(self.target)


class Registry(Generic[Parameters]):
    """A table of names of one kind. Duplicates and unknown names are errors that list what exists."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._entries: dict[str, Registered[Parameters]] = {}

    def add(
        self,
        name: str,
        parameters: type[Parameters],
        target: str,
        summary: str,
        facts: dict[str, Any] | None = None,
        *,
        describe: str | None = None,
    ) -> None:
        """Register ``target`` under ``name``; see ``Registered`` for facts.

        Raises:
            ValueError: The name is taken.
        """
        if name in self._entries:
            raise ValueError(
                f"{self.kind} {name!r} is registered twice: {self._entries[name].target}, {target}"
            )
        self._entries[name] = Registered(name, parameters, target, summary, facts or {}, describe)

    def __getitem__(self, name: str) -> Registered[Parameters]:
        if name not in self:
            raise UnknownNameError(self.kind, name, self)
        return self._entries[name]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._entries))

    def __len__(self) -> int:
        return len(self._entries)
