"""The gap that a search has to close: from what chance finds at once to the front of all that is known of a problem.

The hypervolume itself is a poor yardstick: a few random trials have most of it. So progress is counted from the mean
hypervolume of ``RANDOM_TRIALS`` distinct configurations, drawn at random, to the hypervolume of all known ones. Both
are of validation values, as the search sees them. What collapsed or failed is drawn too, and is no point.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from statistics import fmean

from ratefront.errors import UnknownCostError
from ratefront.pareto import hypervolume
from ratefront.simulate.problems.simulated_problem import KnownResults
from ratefront.simulate.run_simulation import FinishedSimulation
from ratefront.trial_records import Objectives, TrialResult

#: Shares of the gap, in per cent, whose cost is reported.
SHARES = (50, 90, 95, 99)

#: The gap begins at the mean hypervolume of so many random trials, over so many draws from a fixed seed.
RANDOM_TRIALS, DRAWS = 24, 200

#: A hypervolume this close to a level, relative to it, has reached it: sums of floats in another order differ.
ROUNDING = 1e-9

Volume = Callable[[Sequence[TrialResult | None]], float]


@dataclass(frozen=True)
class FrontGap:
    """Two hypervolumes: where the gap begins, and where it is closed."""

    random: float
    known: float

    def level(self, share: float) -> float:
        """Return the hypervolume at which this share of the gap (a fraction) is closed."""
        return (self.random + share * (self.known - self.random)) * (1 - ROUNDING)

    def closed(self, volume: float) -> float | None:
        """Return the share of the gap that a hypervolume has closed, below 0 before it; None without a gap."""
        width = self.known - self.random
        return (volume - self.random) / width if width > 0 else None


@dataclass(frozen=True)
class ClosingCost:
    """How far a simulated sweep has closed the gap, and what that took.

    Attributes:
        gap: The gap; None where no known configuration lies in the sweep's space.
        closed: The share of the gap that all trials together have closed; None where it is not defined.
        busy_s: By share in per cent: the slot-seconds computed until it was closed; None where it was not.
    """

    gap: FrontGap | None
    closed: float | None
    busy_s: dict[int, float | None]


#: Without a gap, or where faults change what trials cost.
UNKNOWN_COST = ClosingCost(None, None, dict.fromkeys(SHARES))


@dataclass(frozen=True)
class EndedTrial:
    """A trial that ran to its end.

    Attributes:
        busy_s: The slot-seconds that all workers had computed by then, those of stopped trials and of trials that still
            ran too, without the time that a worker takes to begin.
        result: What it measured.
    """

    busy_s: float
    result: TrialResult


def ended_trials(simulation: FinishedSimulation) -> list[EndedTrial]:
    """Return the trials of a simulation that have a result, in the order in which they ended."""
    history, busy_at_stop = simulation.engine.history, simulation.occupancy.at_stop
    trials = (history.trials[trial_id] for trial_id in history.ended_order)
    return [
        EndedTrial(busy_at_stop[trial.params.trial_id, trial.attempts], trial.result)
        for trial in trials
        if trial.result is not None
    ]


def closing_cost(trials: Sequence[EndedTrial], known: KnownResults, volume: Volume) -> ClosingCost:
    """Return how far trials have closed the gap, and after how many slot-seconds.

    Args:
        trials: Those that ran to their end, in that order.
        known: What is known of the problem.
        volume: The hypervolume of results, without those that collapsed.
    """
    if not any(known.all):
        return UNKNOWN_COST
    gap = gap_of(known, volume)
    results = [trial.result for trial in trials]

    def busy_s_until(level: float) -> float | None:
        size = _first_prefix(lambda size: volume(results[:size]) >= level, len(results))
        return None if size is None else max((trial.busy_s for trial in trials[:size]), default=0.0)

    return ClosingCost(
        gap, gap.closed(volume(results)), {share: busy_s_until(gap.level(share / 100)) for share in SHARES}
    )


def gap_of(known: KnownResults, volume: Volume) -> FrontGap:
    """Return the gap of a problem of which these results are known."""
    random = Random("front gap")  # noqa: S311
    size = min(RANDOM_TRIALS, len(known.random))
    return FrontGap(fmean(volume(random.sample(known.random, size)) for _ in range(DRAWS)), volume(known.all))


def _first_prefix(holds: Callable[[int], bool], most: int) -> int | None:
    """Return the least size of 0 … ``most`` for which ``holds``, which never ceases to hold; None if none does."""
    if not holds(most):
        return None
    least = 0
    while least < most:
        middle = (least + most) // 2
        least, most = (least, middle) if holds(middle) else (middle + 1, most)
    return least


def volume_over(objectives: Objectives, reference: Mapping[str, float]) -> Volume:
    """Return the function that gives the hypervolume of the validation values of finished results."""

    def volume(results: Sequence[TrialResult | None]) -> float:
        finished = [result for result in results if result is not None and result.status == "finished"]
        points = [point for result in finished if (point := _point(result, objectives)) is not None]
        return hypervolume(points, objectives, reference)

    return volume


def _point(result: TrialResult, objectives: Objectives) -> list[float] | None:
    try:
        return [result.objective(name) for name in objectives]
    except UnknownCostError:
        return None
