"""Finds the finished trial that a new trial may start from: the one that differs from it in β alone, and there least.

Codecs along a front differ little from the next in β. So a trial may begin where its neighbour ended, instead of at
random weights. A configuration that was tried before is a repeat with another seed. It starts from scratch, since it is
to show what the seed changes. A trial that started from a neighbour may be a neighbour itself.
"""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections.abc import Mapping
from typing import NamedTuple, TypeAlias

from ratefront.history.sweep_history import TrialHistory
from ratefront.spec.space.configurations import uses_seed
from ratefront.trial_records import Scalar

#: The parameter in which neighbours differ.
BETA = "beta"

#: Distances in log β are equal if so many decimals are: logarithms are rounded.
_DIGITS = 9

Values: TypeAlias = Mapping[str, Scalar]
_Line: TypeAlias = frozenset[tuple[str, Scalar]]


class _Place(NamedTuple):
    """A finished trial on its line; trials sort by log β, then in the order of planning."""

    log_beta: float
    number: int
    trial_id: str


class NeighboursInBeta:
    """The trials of a sweep on lines: all that is equal but for β is one line.

    Call it for every change of a trial, in the order of the ledger. A neighbour is found by a search in a sorted list.
    """

    def __init__(self) -> None:
        self._planned: set[tuple[_Line, float]] = set()
        self._finished: dict[_Line, list[_Place]] = {}

    def planned(self, trial: TrialHistory) -> None:
        """Take in that a trial was planned, or reopened after it had failed."""
        if (place := _line_and_log_beta(trial.params.values)) is not None:
            self._planned.add(place)

    def ended(self, trial: TrialHistory) -> None:
        """Take in that a trial has ended. Only where it has finished are its weights worth a start."""
        place = _line_and_log_beta(trial.params.values)
        if trial.status == "finished" and place is not None:
            line, log_beta = place
            insort(self._finished.setdefault(line, []), _Place(log_beta, trial.number, trial.params.trial_id))

    def nearest(self, values: Values) -> str:
        """The finished trial nearest in log β to values that are planned next, the earlier one of two; or empty.

        Empty where no finished trial differs in β alone, where the values were planned before, and where the family
        does not learn.
        """
        place = _line_and_log_beta(values)
        if place is None or place in self._planned or not uses_seed(values):
            return ""
        line, log_beta = place
        return _nearest(self._finished.get(line, []), log_beta)


def _line_and_log_beta(values: Values) -> tuple[_Line, float] | None:
    """The values without β, and log β; None where there is no positive number β."""
    beta = values.get(BETA)
    if isinstance(beta, bool) or not isinstance(beta, int | float) or beta <= 0:
        return None
    return frozenset((name, value) for name, value in values.items() if name != BETA), math.log(beta)


def _nearest(places: list[_Place], log_beta: float) -> str:
    """The nearest of sorted places. Of several at one β the first in the list is the earliest."""
    above = bisect_left(places, (log_beta,))
    candidates = places[above : above + 1]
    if above:
        candidates.append(places[bisect_left(places, (places[above - 1].log_beta,))])
    nearest = min(
        candidates,
        key=lambda place: (round(abs(place.log_beta - log_beta), _DIGITS), place.number),
        default=None,
    )
    return "" if nearest is None else nearest.trial_id
