"""The difference of two resolved sweep files, in lines that a person can act on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ratefront.spec.problem_wording import shown

_ABSENT = object()


def spec_difference(old_plain: Mapping[str, Any], new_plain: Mapping[str, Any]) -> list[str]:
    """Return one line ``path: old → new`` for each setting that differs.

    A list of named things is compared by name. The order of a list matters, the order of keys does not.
    """
    return _difference(old_plain, new_plain, "")


def _difference(old: object, new: object, path: str) -> list[str]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        return [
            line
            for key in dict.fromkeys((*old, *new))
            for line in _difference(
                old.get(key, _ABSENT), new.get(key, _ABSENT), f"{path}.{key}" if path else str(key)
            )
        ]
    if _plain(old) == _plain(new):
        return []
    before, after = _by_name(old), _by_name(new)
    if before is not None and after is not None and (lines := _difference(before, after, path)):
        return lines
    return [f"{path}: {_shown(old)} → {_shown(new)}"]


def _by_name(value: object) -> dict[str, Any] | None:
    """Return the named items of a list, such as metrics, by name; None for any other value."""
    if not isinstance(value, list | tuple) or not all(isinstance(one, Mapping) for one in value):
        return None
    return {str(one["name"]): one for one in value if "name" in one}


def _plain(value: object) -> object:
    """Return the value with tuples as lists, as JSON keeps them."""
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value


def _shown(value: object) -> str:
    return "(absent)" if value is _ABSENT else shown(value)
