"""A number of multiply–accumulates that may be unknown."""

from __future__ import annotations

from dataclasses import dataclass

_NAMED = 4


@dataclass(frozen=True)
class Macs:
    """``counted`` is what formulas gave; it is all there is unless ``unknown`` says what else was run."""

    counted: int
    unknown: tuple[str, ...] = ()

    @property
    def value(self) -> int | None:
        """The number; None where it is unknown."""
        return None if self.unknown else self.counted

    @property
    def why_unknown(self) -> str:
        """What has no known number; empty where all has."""
        named, more = self.unknown[:_NAMED], len(self.unknown) - _NAMED
        rest = f" and {more} more" if more > 0 else ""
        return f"no count of multiply–accumulates for {', '.join(named)}{rest}" if named else ""

    def __add__(self, other: Macs) -> Macs:
        return Macs(self.counted + other.counted, tuple(dict.fromkeys(self.unknown + other.unknown)))

    def times(self, runs: int) -> Macs:
        """Those of so many runs."""
        return Macs(self.counted * runs, self.unknown)
