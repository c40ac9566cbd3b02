"""What people are told to pass or to call, so that each face of the package can say it in its own words.

A message names arguments and functions as such::

    raise InputError(Message("port 5000 is taken; choose another with ", Argument("port")))

As text that is the library's: "… another with port=…". The command line puts its flag there instead, by
``message.worded(…)``. Whatever is made of a message by the means of plain text (f-strings, slices) keeps the library's
words; ``Message(…)`` around it keeps both. Files hold plain text: what is written to one names neither.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import EllipsisType
from typing import TypeAlias


@dataclass(frozen=True)
class Argument:
    """An argument of a public function with its value, which is ``...`` where the reader chooses it."""

    name: str
    value: object = ...

    def __str__(self) -> str:
        return f"{self.name}={_shown(self.value)}"


@dataclass(frozen=True, init=False)
class Call:
    """A public function, and what of its arguments matters here."""

    function: str
    arguments: tuple[Argument, ...]

    def __init__(self, function: str, *arguments: Argument) -> None:
        object.__setattr__(self, "function", function)
        object.__setattr__(self, "arguments", arguments)

    def __str__(self) -> str:
        return f"{self.function}({', '.join(map(str, self.arguments))})"


Named: TypeAlias = Argument | Call


class Message(str):
    """Text in the library's words, which still knows where it names arguments and functions."""

    parts: tuple[str | Named, ...]

    def __new__(cls, *parts: object) -> Message:
        """Of texts, arguments, functions, and of other messages and errors, whose parts it takes over."""
        flat = tuple(part for given in parts for part in _parts_of(given))
        message = super().__new__(cls, "".join(map(str, flat)))
        message.parts = flat
        return message

    def __getnewargs__(self) -> tuple[str | Named, ...]:  # type: ignore[override]  # for pickle
        return self.parts

    def worded(self, say: Callable[[Named], str]) -> str:
        """The text, with ``say`` for the arguments and functions that it names."""
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
