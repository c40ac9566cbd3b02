"""From the sweeps that a sweep file names to the event ``Known``: what is tried first, and what the search learns from.

The driver reads the folders once, before the sweep begins, and writes the event into the ledger. From then on a
suggestion is a function of the ledger alone, wherever the folders are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from ratefront.engine.search.first_trials import spread_trial
from ratefront.engine.search.sampler_memory import as_ended_trial, best_and_sample
from ratefront.errors import InputError, UnknownCostError, UnknownNameError
from ratefront.history.earlier_sweep import EarlierSweep
from ratefront.history.events import LEDGER_FORMAT, MOST_FIRST, MOST_LEARNED, Known
from ratefront.history.known_trials import KnownTaskModel, KnownTrial
from ratefront.history.sweep_history import SweepHistory, TrialHistory
from ratefront.spec.changeable_settings import settings_that_decide
from ratefront.spec.load_spec import to_plain
from ratefront.spec.space.dimensions import Space
from ratefront.spec.space.given_values import as_in_space, fitted_values
from ratefront.spec.spec_difference import spec_difference
from ratefront.spec.sweep_spec import SweepSpec
from ratefront.trial_records import Scalar

#: Points that are tried first and that a plan names one by one.
NAMED_POINTS = 5

#: Settings that change what a trial measures, and not what it is: a search may learn from trials with other ones.
_MEASURED_WITH = ("training", "block_size")


@dataclass(frozen=True)
class FoundBefore:
    """What was known before the first trial, and what of it cannot be used.

    Attributes:
        event: What the driver writes into the ledger.
        sources: For each sweep to learn from, how many of its trials are learned from.
        left_out: For each of the sweeps, how much of it is left out, and why.
        remarks: What one should know of the rest.
    """

    event: Known
    sources: Mapping[str, int]
    left_out: tuple[str, ...]
    remarks: tuple[str, ...]

    @property
    def rows(self) -> tuple[tuple[str, str], ...]:
        """The same for people, as rows of a plan: a name, and a sentence."""
        points = [_in_words(values) for values in self.event.start_with[:NAMED_POINTS]]
        more = len(self.event.start_with) - len(points)
        lines = [*points, *([f"and {more} more"] if more else [])]
        learned = [f"{source}: {_trials(count)}" for source, count in self.sources.items()]
        named = {
            "tried first": lines,
            "learns from": learned,
            "left out": self.left_out,
            "note": self.remarks,
        }
        return tuple(
            ("" if place else name, line) for name, texts in named.items() for place, line in enumerate(texts)
        )


def lacks_known(spec: SweepSpec, history: SweepHistory) -> bool:
    """Whether the sweep file names something to know, and the ledger has not got it, since no driver came so far."""
    return bool(spec.start_with or spec.learn_from) and history.known is None and not history.trials


def find_known(spec: SweepSpec, space: Space, earlier: Mapping[str, EarlierSweep]) -> FoundBefore | None:
    """Return what is tried first and what is learned from; None where the sweep file names nothing of the kind.

    Args:
        spec: The sweep file.
        space: Its space.
        earlier: The sweeps that it names, by their names there.

    Raises:
        InputError: A sweep to learn from has another data set or task model, or measured other objectives; or nothing
            of a named sweep lies in this space.
    """
    if not (spec.start_with or spec.learn_from):
        return None
    finder = _Finder(spec, space)
    for point in spec.start_with:
        if isinstance(point, str):
            finder.add_front(earlier[point])
        else:
            finder.add_point(as_in_space(space, point))
    for source in spec.learn_from:
        finder.learn(earlier[source])
    return finder.found()


@dataclass
class _Finder:
    """Collects what is known, and what is left out."""

    spec: SweepSpec
    space: Space
    first: dict[frozenset[tuple[str, Scalar]], dict[str, Scalar]] = field(default_factory=dict)
    trials: list[KnownTrial] = field(default_factory=list)
    task_models: list[KnownTaskModel] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    _listed: int = 0

    def add_point(self, given: Mapping[str, Scalar]) -> None:
        """Add a point whose other values are drawn, as those of the trial at its place in the list."""
        values = spread_trial(self.space, self.spec.sampler.seed, self._listed, given)
        self._listed += 1
        self.first.setdefault(frozenset(values.items()), values)

    def add_front(self, sweep: EarlierSweep) -> None:
        if not sweep.front:
            raise InputError(f"start_with: {sweep.source} has no finished trial, so that it has no front")
        left_out = _LeftOut()
        for trial in sweep.front:
            if (values := self._fitted(trial, left_out)) is not None:
                self.add_point(values)
        if len(left_out) == len(sweep.front):
            raise InputError(
                f"start_with: nothing on the front of {sweep.source} lies in this space: {left_out}"
            )
        self._note(f"start_with: {sweep.source}, of the front", left_out)

    def learn(self, sweep: EarlierSweep) -> None:
        _check_comparable(self.spec, sweep)
        left_out = _LeftOut()
        found = [self._known(sweep.source, trial, left_out) for trial in sweep.history.trials.values()]
        known = [trial for trial in found if trial is not None]
        if not known:
            raise InputError(
                f"learn_from: nothing can be learned from {sweep.source}: {left_out or 'it has no trials'}"
            )
        self.trials += known
        if (model := sweep.history.task_model) is not None:
            digest = model.inputs.get("dataset", "")
            self.task_models.append(KnownTaskModel(sweep.source, model.identity, digest))
        self._note(f"learn_from: {sweep.source}", left_out)
        self.remarks += _remarks(self.spec, sweep)

    def _note(self, of_what: str, left_out: _LeftOut) -> None:
        if left_out:
            self.left_out.append(f"{of_what}: {left_out}")

    def _fitted(self, trial: TrialHistory, left_out: _LeftOut) -> dict[str, Scalar] | None:
        try:
            return fitted_values(self.space, trial.params.values)
        except ValueError as error:
            left_out.add("outside of this space", str(error))
            return None

    def _known(self, source: str, trial: TrialHistory, left_out: _LeftOut) -> KnownTrial | None:
        if trial.result is None:
            left_out.add(trial.status if trial.ended else "not ended")
            return None
        values = self._fitted(trial, left_out)
        if values is None:
            return None
        try:
            return KnownTrial.of(source, trial.result, values, _looked_at(self.spec))
        except (UnknownCostError, UnknownNameError) as error:
            left_out.add("without a value that the search looks at", str(error))
            return None

    def found(self) -> FoundBefore:
        first = list(self.first.values())
        if len(first) > MOST_FIRST:
            self.left_out.append(
                f"start_with: {len(first) - MOST_FIRST} points, beyond the first {MOST_FIRST}"
            )
        elif len(first) > self.spec.trials:
            waiting = len(first) - self.spec.trials
            self.remarks.append(f"start_with: {waiting} points wait until the sweep is extended")
        trials = self._bounded()
        counts = Counter(trial.source for trial in trials)
        event = Known(
            first[:MOST_FIRST],
            [trial.to_json() for trial in trials],
            [asdict(model) for model in self.task_models],
        )
        sources = {source: counts[source] for source in self.spec.learn_from}
        return FoundBefore(event, sources, tuple(self.left_out), tuple(self.remarks))

    def _bounded(self) -> list[KnownTrial]:
        """As many trials as one event holds: the best, and an even sample of all others."""
        if len(self.trials) <= MOST_LEARNED:
            return self.trials
        self.left_out.append(
            f"learn_from: {len(self.trials) - MOST_LEARNED} trials, beyond the best and a sample of the others "
            f"({MOST_LEARNED} in all)"
        )
        by_name = {trial.name: trial for trial in self.trials}
        as_ended = [as_ended_trial(trial, place) for place, trial in enumerate(self.trials)]
        kept = best_and_sample(as_ended, self.spec.directions, MOST_LEARNED)
        return [by_name[trial.params.trial_id] for trial in kept]


class _LeftOut:
    """What is left out of one sweep: how many trials for each reason, with an example."""

    def __init__(self) -> None:
        self._counts = Counter[str]()
        self._examples: dict[str, str] = {}

    def add(self, reason: str, example: str = "") -> None:
        self._counts[reason] += 1
        self._examples.setdefault(reason, example)

    def __len__(self) -> int:
        return self._counts.total()

    def __str__(self) -> str:
        return ", ".join(f"{count} {reason}{self._example(reason)}" for reason, count in self._counts.items())

    def _example(self, reason: str) -> str:
        example = self._examples[reason]
        return f" ({'' if self._counts[reason] == 1 else 'the first: '}{example})" if example else ""


def _check_comparable(spec: SweepSpec, sweep: EarlierSweep) -> None:
    there, here = settings_that_decide(sweep.history.spec), settings_that_decide(to_plain(spec))
    for key, name in (("dataset", "data set"), ("task_model", "task model")):
        if lines := _difference(there, here, key):
            raise InputError(
                f"learn_from: {sweep.source} is a sweep with another {name} (there → here): {'; '.join(lines)}"
            )
    metrics = {str(metric["name"]): metric for metric in there.get("metrics") or ()}
    for metric in spec.metrics:
        plain = metric.model_dump()
        if metric.name in _looked_at(spec) and dict(metrics.get(metric.name, {})) != plain:
            raise InputError(
                f"learn_from: {sweep.source} has not measured {metric.name} ({metric.target}), an objective or "
                "constraint of this sweep"
            )


def _looked_at(spec: SweepSpec) -> list[str]:
    """Return what the search looks at: the objectives, and what has a constraint."""
    return [*dict.fromkeys((*spec.objectives, *(each.name for each in spec.parsed_constraints)))]


def _difference(there: Mapping[str, Any], here: Mapping[str, Any], *keys: str) -> list[str]:
    return spec_difference({key: there.get(key) for key in keys}, {key: here.get(key) for key in keys})


def _remarks(spec: SweepSpec, sweep: EarlierSweep) -> Iterator[str]:
    """What of the earlier sweep shifts its measurements a little, and is no reason to leave them out."""
    if lines := _difference(sweep.history.spec, to_plain(spec), *_MEASURED_WITH):
        yield f"{sweep.source} was measured with other settings (there → here): {'; '.join(lines)}"
    if sweep.history.ledger_format < LEDGER_FORMAT:
        yield f"an older ratefront measured {sweep.source}"


def _in_words(values: Mapping[str, Scalar]) -> str:
    return ", ".join(
        f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in values.items()
    )


def _trials(count: int) -> str:
    return "1 trial" if count == 1 else f"{count} trials"
