"""How many repeats a sweep has and may have, as a ledger records it and as displays say it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from pydantic import ValidationError

from ratefront.spec.settings.repeat_settings import Repeats


class RepeatCounts(NamedTuple):
    """How many repeats were planned, how many of these have ended, and how many the sweep file allows at most."""

    planned: int
    ended: int
    most: int

    def describe(self, *, is_over: bool = False) -> str:
        """Return what to append to the count of requested trials: `` + 6 of up to 14 repeats``, or nothing.

        ``is_over``: the sweep has ended, so that no more come.
        """
        if is_over or not self.most:
            return f" + {self.ended} repeat{'' if self.ended == 1 else 's'}" if self.planned else ""
        done = f"{self.ended} of " if self.planned else ""
        return f" + {done}up to {self.most} repeat{'' if self.most == 1 else 's'}"


def recorded_repeats(spec: Mapping[str, Any]) -> Repeats:
    """The setting of a recorded sweep file; no repeats where it is none of this version of ratefront."""
    try:
        return Repeats.model_validate(spec.get("repeats", {}))
    except ValidationError:
        return Repeats(front=0)
