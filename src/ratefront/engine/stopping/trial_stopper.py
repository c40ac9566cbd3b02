"""The memory of early stopping: what trials reported at rungs, how they ended, and the front of the finished ones.

Tell it of every report and every end of a trial, in the order of the ledger; then its verdicts follow from the sweep
file and the ledger. Of a trial it keeps what was reported at rungs, not its curve, and of ended like trials the newest.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from math import log2
from typing import TypeAlias

import numpy as np

from ratefront.engine.search.seeds import stable_seed
from ratefront.engine.stopping.front_rule import (
    OracleAxes,
    RungComparison,
    StopVerdict,
    is_dominated,
    verdict,
)
from ratefront.engine.stopping.like_trials import Position, TransmitterCosts, distance, position_of
from ratefront.engine.stopping.objective_axes import ObjectiveAxes, Point
from ratefront.history.events import Pruned, Spared
from ratefront.history.sweep_history import TrialHistory
from ratefront.pareto import FloatArray
from ratefront.spec.goals.constraints import meets
from ratefront.spec.settings.stopping_settings import Stopping
from ratefront.spec.sweep_spec import SweepSpec
from ratefront.trial_records import Scalar, TrialResult, last_epoch

#: How many like trials are remembered of those that ended, and of how many nearest ones the changes are taken.
MOST_LIKE, NEAREST = 128, 8

#: A transmitter that costs up to this share more is of the same class.
CLASS_TOLERANCE = 0.05


@cache
def rungs_of(first_epoch: int, factor: float, last: int) -> tuple[int, ...]:
    """The epochs at which a trial of ``last`` epochs is compared: first_epoch · factor^k, rounded, below the last."""
    rungs: list[int] = []
    exact = float(first_epoch)
    while round(exact) < last:
        if not rungs or round(exact) > rungs[-1]:
            rungs.append(round(exact))
        exact *= factor
    return tuple(rungs)


def is_never_stopped(share: float, sampler_seed: int, number: int) -> bool:
    """Whether a trial belongs to the random share that is never stopped."""
    return stable_seed("never stopped", sampler_seed, number) < share * 2**31


@dataclass
class _Passed:
    """A trial that has passed a rung, with its points there by epoch; the end and its costs once they are known."""

    values: Mapping[str, Scalar]
    position: Position
    at_rungs: dict[int, Point] = field(default_factory=dict)
    end: Point | None = None
    costs: Point | None = None


#: Trials are like one another in one family, with one number of epochs, and all starting from a neighbour or all not.
_Group: TypeAlias = tuple[str, int, bool]


@dataclass
class _LikeTrials:
    """The trials of one group, by identity; of the ended ones the newest."""

    running: dict[str, _Passed] = field(default_factory=dict)
    finished: deque[_Passed] = field(default_factory=lambda: deque(maxlen=MOST_LIKE))
    stopped: deque[_Passed] = field(default_factory=lambda: deque(maxlen=MOST_LIKE))

    def others_at(self, rung: int, trial_id: str) -> Iterator[_Passed]:
        """All other trials that have passed a rung."""
        running = (passed for name, passed in self.running.items() if name != trial_id)
        for trials in (self.finished, self.stopped, running):
            yield from (passed for passed in trials if rung in passed.at_rungs)


class TrialStopper:
    """Says which trial is stopped.

    Attributes:
        oracle: The oracle on the curve axes, where it is known (see ``know_oracle``).
    """

    def __init__(self, spec: SweepSpec) -> None:
        self._settings: Stopping = spec.stopping
        self._sampler_seed, self._epochs = spec.sampler.seed, spec.training.epochs
        self._axes = ObjectiveAxes(spec.directions)
        self._constraints = spec.parsed_constraints
        self._like: dict[_Group, _LikeTrials] = {}
        self._costs = TransmitterCosts()
        self._front: list[tuple[Point, Point]] = []
        self.oracle: OracleAxes | None = None
        self._is_on = self._settings.rule != "none" and bool(self._axes.curves)

    def know_oracle(self, curve: Sequence[tuple[float, float]]) -> None:
        """Take in the oracle's points (D, R): no prediction lies below them from now on."""
        self.oracle = self._axes.oracle(curve)

    # What happened.

    def reported(self, trial: TrialHistory, step: int, metrics: Mapping[str, float]) -> None:
        """Take in what a trial has reported."""
        if self._is_on and step in self._rungs(trial):
            now = self._axes.now(metrics)
            if now is not None:
                running = self._like_of(trial).running
                passed = running.setdefault(
                    trial.params.trial_id, _Passed(trial.params.values, position_of(trial.params.values))
                )
                passed.at_rungs[step] = now

    def ended(self, trial: TrialHistory) -> None:
        """Take in that a trial has ended, as its status says."""
        if not self._is_on:
            return
        like = self._like_of(trial)
        passed = like.running.pop(trial.params.trial_id, None)
        if trial.result is not None:
            self._measured(trial, trial.result, like, passed)
        elif passed is not None and trial.status == "pruned":
            passed.costs = self._costs_of(passed.values)
            like.stopped.append(passed)

    def _measured(
        self, trial: TrialHistory, result: TrialResult, like: _LikeTrials, passed: _Passed | None
    ) -> None:
        end = self._axes.end(result)
        if end is None:
            return
        self._costs.learn(trial.params.values, end[1])
        if passed is not None:
            passed.end, passed.costs = end
            like.finished.append(passed)
        is_point = trial.status == "finished" and meets(result, self._constraints)
        if is_point and not self._is_beaten(end):
            self._front = [other for other in self._front if not _dominates(end, other)] + [end]

    def _is_beaten(self, end: tuple[Point, Point]) -> bool:
        return any(_dominates(other, end) or other == end for other in self._front)

    # What follows.

    def after_report(
        self, trial: TrialHistory, step: int, metrics: Mapping[str, float]
    ) -> Pruned | Spared | None:
        """What follows from a report that is about to be recorded: the trial is stopped, or would be; else None."""
        if not self._is_on or step not in self._rungs(trial):
            return None
        now = self._axes.now(metrics)
        return None if now is None else self._event(trial, step, now)

    def before_attempt(self, trial: TrialHistory) -> Pruned | Spared | None:
        """What follows from the last rung that a trial has passed, before a further attempt goes on with it.

        Its driver may have died between a report and what followed from it.
        """
        like = self._like.get(self._key(trial)) if self._is_on else None
        passed = None if like is None else like.running.get(trial.params.trial_id)
        if passed is None:
            return None
        rung = max(passed.at_rungs)
        return self._event(trial, rung, passed.at_rungs[rung])

    def _event(self, trial: TrialHistory, rung: int, now: Point) -> Pruned | Spared | None:
        if trial.repeat_of:
            return None  # it runs to say what its configuration gives on average: a stopped one says nothing
        is_spared = is_never_stopped(self._settings.never_stopped, self._sampler_seed, trial.number)
        if is_spared and trial.spared_at:
            return None
        found = self._verdict(trial, rung, now)
        if found is None:
            return None
        kind = Spared if is_spared else Pruned
        return kind(trial.params.trial_id, trial.attempts, self._reason(trial, rung, found), rung)

    def _reason(self, trial: TrialHistory, rung: int, found: StopVerdict) -> str:
        return (
            f"after epoch {rung} of {self._last_epoch(trial)}: at best it adds {found.gain:.2%} to the hypervolume "
            f"of transmitters like its own, and {found.ahead} of {found.rivals} like trials are ahead of it"
        )

    def _verdict(self, trial: TrialHistory, rung: int, now: Point) -> StopVerdict | None:
        costs = self._costs_of(trial.params.values)
        like = self._like.get(self._key(trial))
        if costs is None or like is None:
            return None
        finished = [passed for passed in like.finished if rung in passed.at_rungs]
        if len(finished) < self._settings.like_trials:
            return None
        class_front = self._class_front(costs)
        if not class_front or not is_dominated(np.array(now), np.array(class_front)):
            return None  # said once more by the rule; here it saves the comparison
        comparison = RungComparison(
            np.array(now),
            self._changes(trial, finished, rung),
            np.array(class_front),
            np.array(costs),
            self._rivals(like.others_at(rung, trial.params.trial_id), rung, len(now) + len(costs)),
            self.oracle,
        )
        settings = self._settings
        return verdict(
            comparison, factor=settings.factor, least_gain=settings.least_gain, margin=settings.margin
        )

    def _class_front(self, costs: Point) -> list[Point]:
        """The finished trials that matter, with transmitters of this class or below."""
        most = [log2(1.0 + (1.0 + CLASS_TOLERANCE) * (2.0**cost - 1.0)) for cost in costs]
        return [
            end
            for end, own in self._front
            if all(cost <= limit for cost, limit in zip(own, most, strict=True))
        ]

    def _changes(self, trial: TrialHistory, finished: Sequence[_Passed], rung: int) -> FloatArray:
        position = position_of(trial.params.values)
        nearest = sorted(finished, key=lambda passed: distance(position, passed.position))[:NEAREST]
        return np.array([np.subtract(passed.end or (), passed.at_rungs[rung]) for passed in nearest])

    def _rivals(self, others: Iterable[_Passed], rung: int, axes: int) -> FloatArray:
        rows = [
            (*passed.at_rungs[rung], *costs)
            for passed in others
            if (costs := passed.costs or self._costs_of(passed.values)) is not None
        ]
        return np.array(rows, dtype=np.float64).reshape(len(rows), axes)

    def _costs_of(self, values: Mapping[str, Scalar]) -> Point | None:
        return self._costs.predict(values) if self._axes.costs else ()

    def _key(self, trial: TrialHistory) -> _Group:
        return trial.params.family, self._last_epoch(trial), bool(trial.params.starts_from)

    def _like_of(self, trial: TrialHistory) -> _LikeTrials:
        return self._like.setdefault(self._key(trial), _LikeTrials())

    def _last_epoch(self, trial: TrialHistory) -> int:
        return last_epoch(trial.params.values, self._epochs)

    def _rungs(self, trial: TrialHistory) -> tuple[int, ...]:
        return rungs_of(self._settings.first_epoch, self._settings.factor, self._last_epoch(trial))


def _dominates(first: tuple[Point, Point], second: tuple[Point, Point]) -> bool:
    pairs = list(zip((*first[0], *first[1]), (*second[0], *second[1]), strict=True))
    return all(a <= b for a, b in pairs) and any(a < b for a, b in pairs)
