"""What a simulated trial does: how long each report takes, what it says, and how the trial ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from ratefront.history.events import BoundPoints
from ratefront.spec.space.dimensions import Space
from ratefront.trial_records import TrialParams, TrialResult


@dataclass(frozen=True)
class Step:
    """One report, ``seconds`` after the one before it."""

    seconds: float
    metrics: Mapping[str, float]


@dataclass(frozen=True)
class TrialCourse:
    """A trial from its start to its end, which comes ``closing_s`` seconds after the last report.

    It ends in a ``result`` or in an ``error`` (the name of the error's class) with its ``reason``.
    """

    steps: tuple[Step, ...]
    closing_s: float
    result: Mapping[str, Any] | None
    error: str = ""
    reason: str = ""

    def failing_after(self, steps: int, error: str, reason: str) -> TrialCourse:
        """Return the same trial, ending in an error after so many reports."""
        return replace(self, steps=self.steps[:steps], result=None, error=error, reason=reason)


@dataclass(frozen=True)
class KnownResults:
    """What is known of a problem in a space: results of distinct configurations, None for one that fails.

    Attributes:
        random: What a random trial is like one of.
        best: Further results, which lie on the front.
    """

    random: Sequence[TrialResult | None]
    best: Sequence[TrialResult] = ()

    @property
    def all(self) -> list[TrialResult | None]:
        """The results whose front a search can be expected to find."""
        return [*self.random, *self.best]


class SimulatedProblem(Protocol):
    """Answers what a trial would do: for the same parameters always the same."""

    @property
    def reference(self) -> Mapping[str, float]:
        """The corner of the hypervolume, in the objectives' own units."""

    @property
    def bounds(self) -> Mapping[str, BoundPoints]:
        """The bounds that a sweep's ledger holds, by the curve's name; none where nothing is known of them."""

    def course(self, params: TrialParams) -> TrialCourse:
        """Return what a trial with these parameters does."""

    def known_results(self, space: Space) -> KnownResults:
        """Return what is known of the problem in this space; for the same space always the same."""
