"""How numbers are written for people."""

from __future__ import annotations

from collections.abc import Callable

#: Stands between a number and its unit, so that no line breaks there.
NO_BREAK_SPACE = "\u00a0"


def number_format(form: str, after: str = "") -> Callable[[float], str]:
    """A function that writes numbers in Python's format ``form`` and appends ``after``."""
    return lambda value: f"{value:{form}}{after}"


def brief_value(value: object) -> str:
    """The value of a parameter; four digits of a real number are enough."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def percent(share: float) -> str:
    """A fraction as per cent: ``97.8 %``."""
    return f"{100 * share:.1f}{NO_BREAK_SPACE}%"


def kibibytes(size: float) -> str:
    """A size in bytes, as KiB from 1024 bytes on: ``24.2 KiB``."""
    return f"{size:.0f}{NO_BREAK_SPACE}B" if size < 1024 else f"{size / 1024:.1f}{NO_BREAK_SPACE}KiB"
