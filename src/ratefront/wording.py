"""Messages that name arguments and functions, so that library and command line can each word them.

A message names arguments and functions as objects::

    raise InputError(Message("port 5000 is taken; choose another with ", Argument("port")))

As text it reads as the library words it: "… another with port=…". The command line replaces that by its flag with
``message.worded(…)``. An f-string or a slice of a message is plain text in the library's words; ``Message(…)`` around a
message keeps both forms. Text that goes into a file names neither arguments nor flags.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import EllipsisType
from typing import TypeAlias


@dataclass(frozen=True)
class Argument:
    """An argument of a public function with its value; ``...`` where the reader chooses it."""

    name: str
    value: object = ...

    def __str__(self) -> str:
        return f"{self.name}={_shown(self.value)}"


@dataclass(frozen=True, init=False)
class Call:
    """A public function with the arguments that matter."""

    function: str
    arguments: tuple[Argument, ...]

    def __init__(self, function: str, *arguments: Argument) -> None:
        object.__setattr__(self, "function", function)
        object.__setattr__(self, "arguments", arguments)

    def __str__(self) -> str:
        return f"{self.function}({', '.join(map(str, self.arguments))})"


Named: TypeAlias = Argument | Call


class Message(str):
    """Text in the library's words that remembers where it names arguments and functions."""

    parts: tuple[str | Named, ...]

    def __new__(cls, *parts: object) -> Message:
        """Join texts, arguments, functions, and the parts of other messages and errors."""
        flat = tuple(part for item in parts for part in _parts_of(item))
        message = super().__new__(cls, "".join(map(str, flat)))
        message.parts = flat
        return message

    def __getnewargs__(self) -> tuple[str | Named, ...]:  # type: ignore[override]  # for pickle
        return self.parts

    def worded(self, say: Callable[[Named], str]) -> str:
        """Return the text, with ``say`` applied to each argument and function that it names."""
        return "".join(part if isinstance(part, str) else say(part) for part in self.parts)


def _parts_of(given: object) -> tuple[str | Named, ...]:
    message = given.args[0] if isinstance(given, BaseException) and len(given.args) == 1 else given
    if isinstance(message, Message):
        return message.parts
    return (given,) if isinstance(given, Named) else (str(given),)


def _shown(value: object) -> str:
    if isinstance(value, EllipsisType):
        return "…"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key!r}: {_shown(item)}" for key, item in value.items()) + "}"
    return repr(value)
