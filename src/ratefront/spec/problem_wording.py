"""Words a problem of a sweep file as ``path: the rule, the value, the valid choices``."""

from __future__ import annotations

import difflib
import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from ratefront.wording import Message

_LONGEST_VALUE = 80

#: Our wording of pydantic's rules; a rule that is not listed keeps pydantic's own.
_RULES = {
    "missing": "is required, but missing",
    "greater_than": "must be > {gt}",
    "greater_than_equal": "must be ≥ {ge}",
    "less_than": "must be < {lt}",
    "less_than_equal": "must be ≤ {le}",
    "multiple_of": "must be a multiple of {multiple_of}",
    "finite_number": "must be finite",
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "bool_type": "must be true or false",
    "string_type": "must be text",
    "string_too_short": "must not be empty",
    "string_too_long": "must have at most {max_length} characters",
    "string_pattern_mismatch": "must match {pattern}",
    "too_short": "needs at least {min_length}",
    "too_long": "must have at most {max_length}",
    "tuple_type": "must be a list",
    "dict_type": "must be a mapping",
    "model_type": "must be a mapping",
}

#: What pydantic puts into a path that is no key of the file.
_NO_KEY = re.compile(r"\[key\]|constrained-\w+|literal\[.*\]")

#: The kind of the names in a list or mapping of the sweep file.
_KINDS = {"objectives": "objective", "reference": "objective", "bounds": "bound", "sampler": "sampler"}


def shown(value: object) -> str:
    """Return a value as the file would hold it, shortened if it is long."""
    try:
        text = json.dumps(value, ensure_ascii=False, default=repr)
    # An integer of 5000 digits; a key that is a tuple; what holds itself.
    except (ValueError, TypeError, RecursionError):
        text = f"a {type(value).__name__}"
    # JSON escapes only some control characters, and a terminal would obey the others.
    text = "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text[: _LONGEST_VALUE + 1])
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 1] + "…"


def valid_choices(valid: Iterable[object]) -> str:
    """Return the valid choices in one phrase: ``valid: a, b``."""
    return f"valid: {', '.join(map(str, valid)) or 'none'}"


def closest(name: object, valid: Iterable[str]) -> str | None:
    """Return the valid name that ``name`` probably misspells, or None."""
    return next(iter(difflib.get_close_matches(str(name), list(valid), n=1)), None)


def unknown(kind: str, name: object, valid: Iterable[object]) -> str:
    """Return the problem of a name that does not exist: ``unknown family "splt"; did you mean …? valid: …``."""
    names = list(map(str, valid))
    guess = closest(name, names)
    hint = f"did you mean {shown(guess)}? " if guess else ""
    return f"unknown {kind} {shown(name)}; {hint}{valid_choices(names)}"


def repeated(path: str, values: Sequence[object]) -> list[str]:
    """Return one line for each value that is in the list more than once."""
    counts = Counter(map(_hashable, values))
    first = {_hashable(value): value for value in reversed(values)}
    return [f"{path}: {shown(first[key])} is listed twice" for key, count in counts.items() if count > 1]


def _hashable(value: object) -> object:
    is_single = value is None or isinstance(value, bool | int | float | str)
    return value if is_single else ("nested", repr(value))


def join(parts: Iterable[object]) -> str:
    """Return the path of the parts: ``objectives[0]`` for ``("objectives", 0)``."""
    text = ""
    for part in parts:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def rule(error: ErrorDetails) -> str:
    """Return the broken rule of a pydantic error, without path and value."""
    context = {key: _number(value) for key, value in error.get("ctx", {}).items()}
    if error["type"] == "value_error":
        return Message(context["error"])
    template = _RULES.get(error["type"])
    return template.format(**context) if template else error["msg"]


def _number(value: object) -> object:
    return f"{value:g}" if isinstance(value, float) else value


def problems_of_pydantic(error: ValidationError, model: type[BaseModel], root: str = "") -> list[str]:
    """Return one line for each error of ``model``; ``root`` is the path of the model in the file."""
    details = error.errors(include_url=False)
    places = [detail["loc"] for detail in details]
    return [
        _line(detail, model, root)
        for detail in details
        # A list that is too short only because its items are wrong is no problem of its own.
        if not (detail["type"] == "too_short" and any(_inside(place, detail["loc"]) for place in places))
    ]


def _inside(place: Sequence[object], outer: Sequence[object]) -> bool:
    return len(place) > len(outer) and tuple(place[: len(outer)]) == tuple(outer)


def _line(error: ErrorDetails, model: type[BaseModel], root: str) -> str:
    place = [part for part in error["loc"] if not _NO_KEY.match(str(part))]
    path = join([root, *place] if root else place)
    match error["type"]:
        case "extra_forbidden":
            return f"{path}: {unknown('key', place[-1], _keys_at(model, place[:-1]))}"
        case "literal_error":
            valid = re.findall(r"'([^']*)'", error["ctx"]["expected"])
            return f"{path}: {unknown(_KINDS.get(str(place[0]), 'value'), error['input'], valid)}"
        case "missing" | "value_error":
            return Message(f"{path}: ", rule(error))
        case _:
            return f"{path}: {rule(error)}, got {shown(error['input'])}"


def _keys_at(model: type[BaseModel], place: Sequence[object]) -> list[str]:
    kind: Any = model
    for part in place:
        if get_origin(kind) is dict:
            kind = get_args(kind)[1]
        elif get_origin(kind) is tuple:
            kind = get_args(kind)[0]
        elif _is_model(kind) and str(part) in kind.model_fields:
            kind = _without_none(kind.model_fields[str(part)].annotation)
        else:
            return []
    return list(kind.model_fields) if _is_model(kind) else []


def _without_none(kind: Any) -> Any:
    """Return the section that a key may hold, where it may hold none as well."""
    parts = [part for part in get_args(kind) if part is not type(None)]
    return parts[0] if get_origin(kind) in (Union, UnionType) and len(parts) == 1 else kind


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)
