"""Checks plain data, as JSON gives them, against the fields of a record: a stranger may have written the file.

The types of a dataclass's fields are its rules. pydantic checks them and converts nothing: a number is finite and not a
bool, a whole number fits 64 bits, and no key is missing or unknown.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from types import UnionType
from typing import Annotated, Any, NotRequired, TypeAlias, Union, get_args, get_origin, get_type_hints

from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, ValidationError, with_config
from typing_extensions import TypedDict

#: Raises ValueError where data do not fit; says where, what is valid there, and what was found.
Check: TypeAlias = Callable[[Any], None]

_DEEPEST, _SHOWN = 40, 60


def record_check(record: type[Any], *, is_partial: bool = False) -> Check:
    """Return the check of data for a dataclass. Partial data may lack keys, and may have others."""
    return _made_check(record, is_partial)  # type: ignore[arg-type]  # mypy knows no hash of a type


@cache
def _made_check(record: type[Any], is_partial: bool) -> Check:
    validate = TypeAdapter(_typed_dict(record, is_partial)).validator.validate_python

    def check(data: Any) -> None:
        try:
            validate(data)
        except ValidationError as error:
            raise ValueError(_first_problem(error)) from None

    return check


def _first_problem(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_context=False)[0]
    path = ".".join(map(str, first["loc"]))
    return f"{path}: {first['msg']}, got {_shown(first['input'])}"


def _shown(value: object) -> str:
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # an integer of thousands of digits, or deep nesting
        return f"this {type(value).__name__}"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _typed_dict(record: type[Any], is_partial: bool) -> Any:
    """The dictionaries that a dataclass may be built from."""
    types = get_type_hints(record, include_extras=True)
    keys: dict[str, Any] = {}
    for field in fields(record):
        is_needed = field.default is field.default_factory is MISSING and not is_partial
        keys[field.name] = _plain(types[field.name]) if is_needed else NotRequired[_plain(types[field.name])]
    config = ConfigDict(
        strict=True,
        extra="ignore" if is_partial else "forbid",
        allow_inf_nan=False,
        hide_input_in_errors=True,
    )
    return with_config(config)(TypedDict(record.__name__, keys))  # type: ignore[operator]


def _plain(hint: Any) -> Any:
    """The type of plain data for a field's type: dictionaries for mappings and records."""
    if hint in _SIMPLE:
        return _SIMPLE[hint]
    if is_dataclass(hint):
        return _typed_dict(hint, is_partial=False)  # type: ignore[arg-type]
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return Annotated[_plain(inner[0]), *inner[1:]]
    if origin in (Union, UnionType):
        return Union[tuple(map(_plain, inner))]  # noqa: UP007
    return _plain_collection(origin, inner) or hint


def _plain_collection(origin: Any, inner: tuple[Any, ...]) -> Any:
    """The type of plain data for a collection; None where it is none."""
    if origin is tuple and Ellipsis not in inner:
        values: Any = Union[tuple(map(_plain, inner))]  # noqa: UP007
        return Annotated[Sequence[values], Field(min_length=len(inner), max_length=len(inner))]
    if origin in (Sequence, tuple):
        return Sequence[_plain(inner[0])]  # type: ignore[misc]
    if origin is Mapping:
        return dict[str, _plain(inner[1])]  # type: ignore[misc]
    return None


def _bounded(value: Any, levels: int = _DEEPEST) -> Any:
    """Return plain data whose numbers are finite and that are not nested without end."""
    if isinstance(value, dict | list):
        if not levels:
            raise ValueError(f"nested more than {_DEEPEST} levels deep")
        for inner in value.values() if isinstance(value, dict) else value:
            _bounded(inner, levels - 1)
    elif isinstance(value, int | float) and not abs(value) <= sys.float_info.max:
        raise ValueError("numbers have to be finite")
    return value


_SIMPLE: Mapping[Any, Any] = {
    int: Annotated[int, Field(ge=-(2**63), lt=2**63)],
    Any: Annotated[Any, AfterValidator(_bounded)],
}
