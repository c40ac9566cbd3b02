"""The rules of ``end_when``: whether further trials promise too little for the sweep to go on.

All follows from the trials that have ended, in the ledger's order, and from the bounds that the ledger holds. The
values are those on validation.

No gain (``no_gain_for``, ``least_gain``). The hypervolume of the front now is compared with that of ``no_gain_for``
trials ago. Both are measured up to one corner: the sweep file's ``reference`` where it is given, and else the worst
value of any finished trial, moved away from the best one by ``MARGIN`` of their distance, so that the ends of the front
count. Requested trials that finished, collapsed or were pruned count; a failed or stopped one says nothing of the
search, and a repeat is none. After a person has asked for more trials, only those count that ended since.

Close to a bound (``within``). The front of rate and accuracy is joined by straight lines, as time sharing does. Between
its ends, as far as the bound is defined there, it nowhere needs over ``percent`` more bits than the bound. So that a
few points at one end do not decide, the front has to come to ``REACH`` of the bound's greatest rate, and to span
``SPAN`` of it; rates are the bound's own at the accuracies of the front's ends.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import numpy as np

from ratefront.bounds.curve import lower_hull
from ratefront.history.bound_points import rate_at
from ratefront.history.sweep_history import SweepHistory, TrialHistory
from ratefront.pareto import FloatArray, as_costs, hypervolume
from ratefront.spec.settings.end_settings import EndWhen, WithinBound
from ratefront.spec.sweep_spec import SweepSpec
from ratefront.trial_records import RATE_ACCURACY, Objectives, Status

#: How far beyond the worst value the corner of the hypervolume lies, in parts of the distance from the best value.
MARGIN = 0.1
#: Of the bound's greatest rate, what the front has to come to, and what it has to span.
REACH, SPAN = 0.9, 0.25

_ROUNDING = 1e-12


class EndRule:
    """Whether ``end_when`` of a sweep file holds. Asking costs little more than the trials that ended since.

    Make a new one where a person has asked for more. ``counted`` are the statuses of the trials that count.
    """

    counted: frozenset[Status] = frozenset({"finished", "collapsed", "pruned"})

    def __init__(self, end_when: EndWhen | None, objectives: Objectives, reference: dict[str, float]) -> None:
        self._rules = end_when
        self._gain = _Gain(end_when.no_gain_for or 1 if end_when else 1, objectives, reference)
        self._shape = _Front(RATE_ACCURACY)
        self._taken_in = self._counted = self._asked_at = 0

    @classmethod
    def of(cls, spec: SweepSpec) -> EndRule:
        """The rule that a sweep file asks for."""
        return cls(spec.end_when, spec.directions, dict(spec.reference))

    def why(self, history: SweepHistory) -> str:
        """Why the sweep is to end now, as a sentence for people; empty where it is to go on."""
        if self._rules is None:
            return ""
        self._take_in(history)
        return self._why_no_gain(self._rules) or self.why_close(history)

    def why_close(self, history: SweepHistory) -> str:
        """Why the sweep is to end as far as the bound is concerned; more trials alone do not change that."""
        if self._rules is None or self._rules.within is None:
            return ""
        self._take_in(history)
        within = self._rules.within
        points = history.bounds.get(within.bound)
        if points is None or not is_close(self._shape.costs, points, within.percent):
            return ""
        return _closeness(within)

    def _why_no_gain(self, rules: EndWhen) -> str:
        count = rules.no_gain_for
        if count is None or self._counted - self._asked_at < count or self._gain.exceeds(rules.least_gain):
            return ""
        trials = "trial has" if count == 1 else f"{count} trials have"
        return (
            f"the last {trials} not enlarged the hypervolume by over {100 * rules.least_gain:g} %; resumed with more "
            "trials or another end_when, the sweep goes on"
        )

    def _take_in(self, history: SweepHistory) -> None:
        for place in range(self._taken_in, len(history.ended_order)):
            if place == history.asked_again_at:
                self._asked_at = self._counted
            trial = history.trials[history.ended_order[place]]
            if trial.status in self.counted and not trial.repeat_of:
                self._counted += 1
                self._gain.take_in(trial)
                if trial.status == "finished":
                    self._shape.add(_costs(trial, RATE_ACCURACY))
        self._taken_in = len(history.ended_order)
        if self._taken_in == history.asked_again_at:
            self._asked_at = self._counted


def _closeness(within: WithinBound) -> str:
    return (
        f"the front lies within {within.percent:g} % of the bound {within.bound}; resumed with another end_when, the "
        "sweep goes on"
    )


def _costs(trial: TrialHistory, objectives: Objectives) -> FloatArray:
    assert trial.result is not None
    values = [trial.result.objective(name) for name in objectives]
    return np.asarray(as_costs([values], objectives)[0])


class _Front:
    """A Pareto front that grows by one trial after another; in its costs every objective is minimised."""

    def __init__(self, objectives: Objectives) -> None:
        self.costs = np.empty((0, len(objectives)))

    def add(self, cost: FloatArray) -> bool:
        """Take in a trial; return whether it is on the front, and beside no equal one."""
        if np.any(np.all(self.costs <= cost, axis=1)):
            return False
        stay = np.any(self.costs < cost, axis=1)
        self.costs = np.vstack([self.costs[stay], cost])
        return True


class _Gain:
    """By how much the hypervolume has grown over the last ``window`` trials."""

    def __init__(self, window: int, objectives: Objectives, reference: dict[str, float]) -> None:
        self._window, self._objectives, self._reference = window, objectives, reference
        self._now, self._before = _Front(objectives), _Front(objectives)
        self._arrivals: deque[tuple[int, FloatArray]] = deque()  # on the front, and not in ``_before`` yet
        self._count = 0
        self._best = np.full(len(objectives), np.inf)
        self._worst = np.full(len(objectives), -np.inf)
        self._known: tuple[int, float] | None = None  # what was found after so many trials

    def take_in(self, trial: TrialHistory) -> None:
        """Take in the next trial that has ended."""
        self._count += 1
        if trial.status == "finished":
            cost = _costs(trial, self._objectives)
            self._best, self._worst = np.minimum(self._best, cost), np.maximum(self._worst, cost)
            if self._now.add(cost):
                self._arrivals.append((self._count, cost))
        while self._arrivals and self._arrivals[0][0] <= self._count - self._window:
            self._before.add(self._arrivals.popleft()[1])

    def exceeds(self, least: float) -> bool:
        """Return whether the hypervolume has grown by more than ``least``, as a share of what it was."""
        if not self._arrivals:
            return False
        if self._known is None or self._known[0] != self._count:
            self._known = self._count, self._growth()
        return self._known[1] > least

    def _growth(self) -> float:
        corner = self._corner()
        now, before = (self._volume(front, corner) for front in (self._now, self._before))
        if now <= before:
            return 0.0
        return now / before - 1.0 if before > 0 else float("inf")

    def _volume(self, front: _Front, corner: dict[str, float]) -> float:
        return hypervolume(front.costs * self._signs, self._objectives, corner)  # type: ignore[arg-type]

    @property
    def _signs(self) -> FloatArray:
        return np.array([1.0 if way == "minimise" else -1.0 for way in self._objectives.values()])

    def _corner(self) -> dict[str, float]:
        distance = self._worst - self._best
        away = (self._worst + np.where(distance > 0, MARGIN * distance, 1.0)) * self._signs
        return dict(zip(self._objectives, map(float, away), strict=True)) | self._reference


def is_close(front: FloatArray, bound: Sequence[tuple[float, float]], percent: float) -> bool:
    """Return whether a front lies close to a bound wherever it is, as the module says.

    Args:
        front: shape (N, 2): rate in bit/sample, and minus accuracy.
        bound: (distortion, bit/sample) by rising distortion.
        percent: how much more bits the front may need than the bound.
    """
    if not len(front):
        return False
    hull = lower_hull(1.0 + front[:, 1], front[:, 0])
    distortion, rate = 1.0 + front[hull, 1], front[hull, 0]
    greatest = bound[0][1]
    first, last = max(float(distortion[0]), bound[0][0]), float(distortion[-1])
    top, bottom = rate_at(bound, first), rate_at(bound, last)
    if greatest <= 0 or top is None or bottom is None:
        return False
    if top < REACH * greatest - _ROUNDING or top - bottom < SPAN * greatest - _ROUNDING:
        return False
    # Both are straight between these places, so that their difference is greatest at one of them.
    places = [first, last, *distortion, *(d for d, _ in bound)]
    allowed = 1.0 + percent / 100.0
    return all(
        float(np.interp(place, distortion, rate)) <= allowed * (rate_at(bound, place) or 0.0) + _ROUNDING
        for place in places
        if first <= place <= last
    )
