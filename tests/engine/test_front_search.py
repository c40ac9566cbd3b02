"""The default search: what it suggests follows from what it is shown, and it finds a front faster than chance."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from statistics import median

import numpy as np
import pytest

from ratefront.engine.search.expected_gain.branch_features import BranchFeatures
from ratefront.engine.search.expected_gain.front_search import FrontSearch
from ratefront.engine.search.expected_gain.measured_trials import MeasuredTrials
from ratefront.engine.search.first_trials import random_choice, spread_trial
from ratefront.engine.search.seeds import stable_seed
from ratefront.history.sweep_history import TrialHistory
from ratefront.pareto import hypervolume
from ratefront.simulate.problems.codec_families import CODEC_FAMILIES, CodecFamilies
from ratefront.spec.goals.constraints import parse_constraint
from ratefront.spec.load_spec import spec_from_plain
from ratefront.spec.space.dimensions import assign
from ratefront.trial_records import DEFAULT_OBJECTIVES, OBJECTIVES, Scalar, Status, TrialParams, TrialResult

pytestmark = pytest.mark.medium

OBJECTIVES_OF = {name: OBJECTIVES[name] for name in DEFAULT_OBJECTIVES}
PROBLEM = CodecFamilies()
SPACE = spec_from_plain(CODEC_FAMILIES, source="the problem's own sweep").space


def ended(number: int, values: Mapping[str, Scalar], started: float = 0.0) -> TrialHistory:
    trial = TrialHistory(number, TrialParams(f"t{number:04d}", number, values), 0.0)
    course = PROBLEM.course(trial.params)
    trial.result = TrialResult.from_json(course.result)
    trial.status = trial.result.status
    trial.started_time = started
    trial.ended_time = started + sum(step.seconds for step in course.steps) + course.closing_s
    return trial


def first(count: int) -> dict[str, TrialHistory]:
    return {f"t{number:04d}": ended(number, spread_trial(SPACE, 5, number)) for number in range(count)}


def anything(values: Mapping[str, Scalar]) -> bool:
    return True


def search(*constraints: str) -> FrontSearch:
    made = FrontSearch(SPACE, OBJECTIVES_OF, 3, [parse_constraint(text) for text in constraints])
    made.know_reference(PROBLEM.reference)
    return made


def test_a_suggestion_follows_from_what_is_shown() -> None:
    asked, shown = search(), {}
    for number in range(40):
        shown = first(number + 1)
        values = asked.suggest(shown, number + 1, anything)
        if number % 7 == 0:
            assert search().suggest(shown, number + 1, anything) == values
    fewer = dict(list(shown.items())[10:])  # a memory has forgotten some
    assert asked.suggest(fewer, 41, anything) == search().suggest(fewer, 41, anything)


def test_only_what_is_due_is_suggested() -> None:
    shown = first(20)
    best = search().suggest(shown, 20, anything)
    second = search().suggest(shown, 20, lambda values: values != best)
    assert second not in (best, None)
    assert search().suggest(shown, 20, lambda values: False) is None
    assert search().suggest({}, 0, anything) is None


@pytest.mark.parametrize("status", ["running", "pruned"])
def test_a_trial_without_a_result_changes_what_comes_next(status: Status) -> None:
    shown = first(25)
    suggested = [search().suggest(shown, 25, anything)]
    for number in range(26, 30):
        values = suggested[-1]
        assert values is not None
        running = TrialHistory(number, TrialParams(f"t{number:04d}", number, values), 0.0, status)
        shown = {**shown, f"t{number:04d}": running}
        suggested.append(search().suggest(shown, 25, anything))
    different = len({str(values) for values in suggested})
    assert different == len(suggested) if status == "running" else different > 1


def test_a_trial_whose_time_is_not_known_is_taken_for_an_average_one() -> None:
    timed = first(30)
    without = {f"s/t{n:04d}": ended(n, spread_trial(SPACE, 6, n)) for n in range(30)}
    for trial in without.values():
        trial.started_time = trial.ended_time = None
    made = MeasuredTrials(BranchFeatures(SPACE), OBJECTIVES_OF, ())
    made.take_in({**timed, **without})
    took = [trial.ended_time for trial in timed.values() if trial.ended_time]
    for model in made.models().values():
        seconds = model.predict(model._own.features).seconds
        assert min(took) / 10 < seconds.min()
        assert seconds.max() < 10 * max(took)


def test_a_constraint_moves_the_search_to_where_it_is_met() -> None:
    shown = first(60)
    limit = int(np.median([t.result.transmitter_bytes for t in shown.values() if t.result]))
    small = search(f"transmitter_bytes <= {limit}")
    sizes = []
    for number in range(60, 72):
        values = small.suggest(
            shown, number, lambda values: str(values) not in {str(t.params.values) for t in shown.values()}
        )
        assert values is not None
        shown[f"t{number:04d}"] = ended(number, values)
        sizes.append(shown[f"t{number:04d}"].result.transmitter_bytes)  # type: ignore[union-attr]
    assert sum(size <= limit for size in sizes) >= 10


def test_it_finds_the_front_with_less_compute_than_random_trials() -> None:
    ratios = [_seconds_to(seed, searched=True) / _seconds_to(seed, searched=False) for seed in range(3)]
    assert median(ratios) < 0.5


def _seconds_to(seed: int, *, searched: bool) -> float:
    """Seconds of trials, one after another, until a hypervolume is reached that random trials take a while for."""
    made = FrontSearch(SPACE, OBJECTIVES_OF, seed)
    made.know_reference(PROBLEM.reference)
    shown: dict[str, TrialHistory] = {}
    points, seconds = [], 0.0
    for number in range(120):
        values = None
        if searched and number >= 12:
            values = made.suggest(shown, number, anything)
        if values is None:
            random = Random(stable_seed(seed, number))
            values = spread_trial(SPACE, seed, number) if searched else assign(SPACE, random_choice(random))
        trial = ended(number, values, seconds)
        shown[trial.params.trial_id] = trial
        assert trial.result is not None
        assert trial.ended_time is not None
        seconds = trial.ended_time
        if trial.status == "finished":
            points.append([trial.result.objective(name) for name in OBJECTIVES_OF])
        if hypervolume(points, OBJECTIVES_OF, PROBLEM.reference) >= 98.0:
            break
    return seconds
