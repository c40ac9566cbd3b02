"""Turns values of a script (NumPy's, paths, mappings) into the plain data of a sweep file, and bounds plain data."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from ratefront.bounded_files import MOST_LEVELS
from ratefront.errors import InputError
from ratefront.spec.problem_wording import shown
from ratefront.spec.yaml_text import MOST_VALUES

#: As long as a path may be.
MOST_CHARACTERS = 4096
#: The integers that JSON readers and columns of tables hold are from minus this to below this.
_END_OF_WHOLE = 2**63
#: Control characters and lone surrogates: no name or path holds one, and a terminal would obey some.
_UNUSABLE_CATEGORIES = frozenset({"Cc", "Cs"})


def as_plain_data(value: object, level: int = 0) -> Any:
    """Return a copy as plain data. What no sweep file can hold stays as it is, and the check reports it.

    Raises:
        InputError: It is nested deeper than any sweep file, as a mapping that holds itself.
    """
    if level > MOST_LEVELS:
        raise InputError(f"settings are nested deeper than {MOST_LEVELS} levels")
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, Mapping):
        return {key: as_plain_data(item, level + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [as_plain_data(item, level + 1) for item in value]
    if isinstance(value, set | frozenset):
        # Sorted, else the order would be another one in each process.
        return sorted((as_plain_data(item, level + 1) for item in value), key=str)
    if hasattr(value, "tolist"):  # of numpy or torch, which a check must not import
        return value.tolist()
    return os.fspath(value) if isinstance(value, os.PathLike) else value


def unusable_values(data: object) -> list[str]:
    """Return one line for each text or number that no setting can hold, or one if the data are too large.

    What remains can be shown, stored as JSON, and handed to the operating system; what it means decides the rest.
    """
    problems = []
    for count, (path, value) in enumerate(_walk(data, "", 0)):
        if count >= MOST_VALUES:
            return [f"a sweep file has at most {MOST_VALUES} values; an interval is {{float: [low, high]}}"]
        if problem := _problem_with(value):
            problems.append(f"{path}: {problem}" if path else f"the whole file {problem}")
    return problems


def _walk(data: object, path: str, level: int) -> Iterator[tuple[str, object]]:
    """Yield each key and value with its place; ``level`` guards against data that hold themselves."""
    yield path, data
    if level > MOST_LEVELS:
        raise InputError(f"settings are nested deeper than {MOST_LEVELS} levels")
    if isinstance(data, Mapping):
        for key, value in data.items():
            place = _place(path, key)
            yield place, key
            yield from _walk(value, place, level + 1)
    elif isinstance(data, list | tuple):
        for index, value in enumerate(data):
            yield from _walk(value, f"{path}[{index}]", level + 1)


def _place(path: str, key: object) -> str:
    name = shown(key) if isinstance(key, str) and _problem_with(key) else str(key)
    return f"{path}.{name}" if path else name


def _problem_with(value: object) -> str | None:
    if isinstance(value, int) and not -_END_OF_WHOLE <= value < _END_OF_WHOLE:
        return f"must be a number of at most 64 bit, got {shown(value)}"
    if not isinstance(value, str):
        return None
    if len(value) > MOST_CHARACTERS:
        return f"must be text of at most {MOST_CHARACTERS} characters, got {len(value)}"
    if any(unicodedata.category(character) in _UNUSABLE_CATEGORIES for character in value):
        return f"must be text without control characters, got {shown(value)}"
    return None
