"""A second, simpler model of which configurations a sweep repeats, to test the engine. It shares no code with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from ratefront.history import events
from ratefront.spec.settings.repeat_settings import Repeats
from ratefront.spec.space.configurations import uses_seed
from ratefront.trial_records import Objectives, Scalar

_Values: TypeAlias = frozenset[tuple[str, Scalar]]


class RepeatModel:
    """Follows a ledger entry by entry. Trials that are no repeats are called suggestions here."""

    def __init__(self, settings: Repeats, objectives: Objectives) -> None:
        self._settings, self._objectives = settings, objectives
        self._planned: dict[str, events.Planned] = {}
        self._costs: dict[str, list[float]] = {}  # of suggestions that have finished
        self._begun: set[str] = set()

    def follow(self, event: events.Event) -> None:
        """Take the next event."""
        match event:
            case events.Planned(trial_id):
                self._planned[trial_id] = event
            case events.Started(trial_id):
                self._begun.add(trial_id)
            case events.Finished(trial_id, _, result) if not self._planned[trial_id].repeat_of:
                if result["status"] == "finished":
                    self._costs[trial_id] = [
                        _value(result, name) * (1 if way == "minimise" else -1)
                        for name, way in self._objectives.items()
                    ]
            case _:
                pass

    def left(self, requested: int, *, only_begun: bool = False) -> int:
        """Return how many repeats are still due, once all suggestions have ended.

        ``only_begun``: suggestions that no worker has begun do not count; they may never begin.
        """
        seeds = self._seeds()
        if not self._settings.front:
            begun = {_key(self._planned[name].values) for name in self._begun}
            return sum(
                max(0, self._settings.seeds - number)
                for values, number in seeds.items()
                if uses_seed(dict(values)) and (values in begun or not only_begun)
            )
        wanted = sum(max(0, 1 + self._settings.front - seeds[values]) for values in self._worth_repeating())
        return min(wanted, self._most(requested) - self._number_of_repeats())

    def objections(self, event: events.Planned, is_search_over: bool, requested: int) -> Iterator[str]:
        """Yield what is wrong with a trial that is planned now, and was followed already."""
        others = {name: each for name, each in self._planned.items() if name != event.trial_id}
        suggested = sum(not each.repeat_of for each in others.values())
        if not event.repeat_of:
            if suggested >= requested:
                yield f"{event.trial_id} is planned where {suggested} are, of {requested}"
            return
        values = _key(event.values)
        alike = [each for each in others.values() if _key(each.values) == values]
        if not alike or alike[0].trial_id != event.repeat_of:
            yield f"{event.trial_id} is no repeat of {event.repeat_of}"
        if event.seed in (each.seed for each in alike):
            yield f"{event.trial_id} repeats {event.repeat_of} with a seed that was used"
        if not uses_seed(event.values):
            yield f"{event.trial_id} repeats {event.repeat_of}, into whose result no seed enters"
        if self._settings.front:
            yield from self._objections_to_front(event, alike, is_search_over, requested)
        elif len(alike) >= self._settings.seeds:
            yield f"{event.trial_id} repeats {event.repeat_of}, which had {len(alike)} seeds"

    def _objections_to_front(
        self, event: events.Planned, alike: Sequence[events.Planned], is_search_over: bool, requested: int
    ) -> Iterator[str]:
        name, seeds = event.trial_id, self._seeds()
        seeds[_key(event.values)] -= 1
        if not is_search_over:
            yield f"{name} repeats {event.repeat_of} before all trials have ended"
        if self._number_of_repeats() > self._most(requested):
            yield f"{name} is the repeat number {self._number_of_repeats()} of {self._most(requested)}"
        worth = self._worth_repeating()
        if _key(event.values) not in worth:
            yield f"{name} repeats {event.repeat_of}, which is neither on the front nor next to it"
        if len(alike) > min([self._settings.front, *(seeds[values] for values in worth)]):
            yield f"{name} repeats {event.repeat_of} once more than others, or than asked for"

    def _most(self, requested: int) -> int:
        most = self._settings.most_trials
        return requested // 4 if most is None else most

    def _number_of_repeats(self) -> int:
        return sum(bool(event.repeat_of) for event in self._planned.values())

    def _seeds(self) -> Counter[_Values]:
        return Counter(_key(event.values) for event in self._planned.values())

    def _worth_repeating(self) -> set[_Values]:
        """Return the configurations whose suggestions are on the front, or would be if the front was not there."""
        front = [name for name in self._costs if not self._is_dominated(name, self._costs)]
        rest = [name for name in self._costs if name not in front]
        rivals = [name for name in rest if not self._is_dominated(name, rest)]
        found = [self._planned[name].values for name in (*front, *rivals)]
        return {_key(values) for values in found if uses_seed(values)}

    def _is_dominated(self, name: str, by: Iterator[str] | Sequence[str] | Mapping[str, Any]) -> bool:
        cost = self._costs[name]
        return any(
            self._costs[other] != cost and all(a <= b for a, b in zip(self._costs[other], cost, strict=True))
            for other in by
        )


def _value(result: Mapping[str, Any], objective: str) -> float:
    validation = result["validation"]
    if objective in ("rate_bits", "accuracy"):
        return float(validation[objective])
    return float(validation["metrics"].get(objective, result.get(objective)))


def _key(values: Mapping[str, Scalar]) -> _Values:
    return frozenset(values.items())
