"""How values are written where people read them."""

from __future__ import annotations

from collections.abc import Callable

#: Between a number and its unit: no line breaks there.
NO_BREAK_SPACE = "\u00a0"


def number_format(form: str, after: str = "") -> Callable[[float], str]:
    """Numbers in Python's ``form``, with ``after`` behind them."""
    return lambda value: f"{value:{form}}{after}"


def brief_value(value: object) -> str:
    """A parameter's value: of a number that was drawn, four digits tell enough."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def percent(share: float) -> str:
    return f"{100 * share:.1f}{NO_BREAK_SPACE}%"


def kibibytes(size: float) -> str:
    return f"{size:.0f}{NO_BREAK_SPACE}B" if size < 1024 else f"{size / 1024:.1f}{NO_BREAK_SPACE}KiB"
