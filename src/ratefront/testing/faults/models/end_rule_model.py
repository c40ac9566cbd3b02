"""A second, simpler model of ``end_when``: it looks at all trials anew after every entry of the ledger.

It shares no code with ``engine``: fronts are compared pair by pair, and the bound at many places.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from ratefront.history import events
from ratefront.pareto import hypervolume
from ratefront.trial_records import Objectives, TrialResult

_PLACES = 200
#: What may be off where a front is looked at in places only.
_SLACK = 1e-6


class EndRuleModel:
    """Follows a ledger entry by entry.

    Attributes:
        is_met: Whether the ledger says that the rule holds, and no person has asked for more since.
    """

    def __init__(self, objectives: Objectives) -> None:
        self.is_met = False
        self._objectives = objectives
        self._spec: dict[str, Any] = {}
        self._ended: list[TrialResult | None] = []  # None: it ended without a result that could be on a front
        self._asked_at = 0
        self._repeats: set[str] = set()  # they come on top of the trials, and say nothing of the search
        self._curves: Mapping[str, Sequence[tuple[float, float]]] = {}

    def follow(self, event: events.Event) -> Iterator[str]:
        """Take the next entry; yield what is wrong with it at this place."""
        name = type(event).__name__
        if isinstance(event, events.EndRuleMet) and (self.is_met or not self._holds(_SLACK)):
            yield f"{name} comes twice, or although end_when does not hold"
        if isinstance(event, events.Planned) and event.repeat_of:
            self._repeats.add(event.trial_id)
        is_repeat = getattr(event, "trial_id", "") in self._repeats
        if isinstance(event, events.Planned | events.Started) and self.is_met and not is_repeat:
            yield f"{name} comes although end_when holds"
        if isinstance(event, events.Planned) and not is_repeat and self._holds(-_SLACK):
            yield f"{name} comes, and the engine has not found that end_when holds"
        if not (is_repeat and isinstance(event, events.Finished | events.Pruned)):
            self._take(event)

    def _take(self, event: events.Event) -> None:
        match event:
            case events.Created(_, spec):
                self._spec = dict(spec)
            case events.Reconfigured(settings):
                self._spec |= settings
                self.is_met = self.is_met and "end_when" not in settings
            case events.BoundsReady(curves=curves):
                self._curves = curves
            case events.Finished(_, _, result):
                measured = TrialResult.from_json(result)
                self._ended.append(measured if measured.status == "finished" else None)
            case events.Pruned():
                self._ended.append(None)
            case events.Extended() | events.Reopened():
                self._asked_at, self.is_met = len(self._ended), False
            case events.EndRuleMet():
                self.is_met = True
            case _:
                pass

    def _holds(self, slack: float) -> bool:
        rules = self._spec.get("end_when")
        if not rules:
            return False
        return self._stagnates(rules, slack) or self._is_close(rules.get("within"), slack)

    def _stagnates(self, rules: Mapping[str, Any], slack: float) -> bool:
        count = rules["no_gain_for"]
        if count is None or len(self._ended) - self._asked_at < count:
            return False
        volumes = [self._volume(self._ended[:-count]), self._volume(self._ended)]
        return bool(volumes[1] <= volumes[0] * (1 + max(0.0, rules["least_gain"] + slack)))

    def _volume(self, trials: Sequence[TrialResult | None]) -> float:
        if not any(trials):
            return 0.0
        points = [[trial.objective(name) for name in self._objectives] for trial in trials if trial]
        return hypervolume(points, self._objectives, self._corner())

    def _corner(self) -> dict[str, float]:
        corner: dict[str, float] = {}
        for name, direction in self._objectives.items():
            values = [trial.objective(name) for trial in self._ended if trial]
            ends = (min(values), max(values)) if direction == "minimise" else (max(values), min(values))
            step = 0.1 * (ends[1] - ends[0]) or (1.0 if direction == "minimise" else -1.0)
            corner[name] = self._spec["reference"].get(name, ends[1] + step)
        return corner

    def _is_close(self, within: Mapping[str, Any] | None, slack: float) -> bool:
        curve = self._curves.get(within["bound"]) if within else None
        points = [
            (1 - trial.objective("accuracy"), trial.objective("rate_bits")) for trial in self._ended if trial
        ]
        if not within or not curve or not points:
            return False
        front = [p for p in points if not any(q != p and q[0] <= p[0] and q[1] <= p[1] for q in points)]
        greatest, last = curve[0][1], max(front)[0]
        first = max(min(front)[0], curve[0][0])
        if first > last or not greatest:
            return False
        reached, least = _on(curve, first), _on(curve, last)
        if reached < (0.9 - slack) * greatest or reached - least < (0.25 - slack) * greatest:
            return False
        places = [first + (last - first) * place / _PLACES for place in range(_PLACES + 1)]
        places += [d for d, _ in (*front, *curve) if first <= d <= last]
        allowed = 1 + within["percent"] / 100 + slack
        return all(_shared(front, d) <= allowed * _on(curve, d) + slack for d in places)


def _on(curve: Sequence[tuple[float, float]], distortion: float) -> float:
    """Return the rate of a curve, on its straight lines."""
    for (d0, r0), (d1, r1) in pairwise(curve):
        if d0 <= distortion <= d1:
            return r0 + (r1 - r0) * (distortion - d0) / (d1 - d0)
    return curve[0][1] if distortion < curve[0][0] else curve[-1][1]


def _shared(front: Sequence[tuple[float, float]], distortion: float) -> float:
    """Return the least rate of two points that share the time so that they have this distortion together."""
    rates = [rate for d, rate in front if d <= distortion]
    for d0, r0 in front:
        rates += [r0 + (r1 - r0) * (distortion - d0) / (d1 - d0) for d1, r1 in front if d0 < distortion < d1]
    return min(rates)
