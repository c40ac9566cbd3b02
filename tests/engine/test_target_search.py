"""The search for a target: where β is put, what is refined, and that a suggestion follows from the history alone."""

from __future__ import annotations

import math
from itertools import pairwise
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratefront.engine.engine import Engine
from ratefront.engine.search.first_trials import neighbour, random_choice
from ratefront.engine.search.target_bracket import FIRST_GUESS, Point, Slopes, crossing, slopes_of
from ratefront.engine.search.target_search import TargetSearch
from ratefront.history.events import Planned
from ratefront.history.sweep_history import TrialHistory
from ratefront.simulate.built_in_sweep import built_in_sweep
from ratefront.spec.goals.constraints import parse_constraint
from ratefront.spec.goals.target import Target
from ratefront.spec.space.configurations import configurations
from ratefront.spec.space.dimensions import Branch, Choice, Float, Int, Space, assign, holds
from ratefront.trial_records import Measurement, TrialParams, TrialResult

pytestmark = pytest.mark.medium

LOW, HIGH = math.log(5), math.log(500)
SPACE: Space = {
    "family": Branch(
        {
            "split": {"beta": Float(5, 500, log=True), "width": Choice((2, 4, 8))},
            "student": {"beta": Choice((20, 100, 500, 1000))},
            "label": {"merged": Int(1, 4)},
        }
    )
}


def finished(
    number: int, values: dict[str, Any], rate: float, accuracy: float, size: int = 100
) -> TrialHistory:
    measured = Measurement(1000, rate, rate, rate, 0.0, rate, accuracy)
    trial = TrialHistory(number, TrialParams(f"t{number:04d}", 0, values), 0.0)
    trial.status = "finished"
    trial.result = TrialResult(trial.params.trial_id, "finished", "", measured, measured, size, 1, 0.1, 1.0)
    return trial


def searched(trials: list[TrialHistory], target: Target, *constraints: str) -> TargetSearch:
    search = TargetSearch(SPACE, target, list(map(parse_constraint, constraints)))
    for trial in trials:
        search.planned(trial)
        search.ended(trial)
    return search


def curve(beta: float, slope: float, at: float) -> tuple[float, float]:
    """Rate and accuracy of an architecture that reaches 90 % at β = ``at``."""
    gone = math.log(beta / at)
    return 4.0 * math.exp(0.4 * gone), 1 / (1 + math.exp(-slope * gone) / 9)


@given(
    st.floats(0.5, 2.0),
    st.floats(10, 300),
    st.lists(st.floats(LOW, HIGH), min_size=1, max_size=3),
    st.booleans(),
)
def test_the_bracket_closes_on_the_target(slope: float, at: float, tried: list[float], is_rate: bool) -> None:
    """Suggestions stay in the interval, between the nearest trials, and reach the target within 2 % soon."""
    target = math.log(at)

    def point(log_beta: float) -> Point:
        sign = -1 if is_rate else 1
        return Point(log_beta, sign * slope * (log_beta - target), sign * 0.4 * (log_beta - target))

    points = [point(place) for place in tried]
    for _ in range(12):
        guess = Slopes(-slope, -0.4) if is_rate else FIRST_GUESS["accuracy"]
        slopes = slopes_of([points], guess)
        found = crossing(points, slopes, LOW, HIGH)
        if found is None or found.is_closed:
            break
        assert LOW - 1e-9 <= found.log_beta <= HIGH + 1e-9
        points.append(point(found.log_beta))
    reached = [each for each in points if each.margin >= 0]
    assert min(each.cost for each in reached) < 0.03, "a rate 3 % above that at the target"
    assert len(points) <= len(tried) + 8


def test_a_bracket_shrinks_with_every_trial_whatever_the_curve() -> None:
    def margin(log_beta: float) -> float:  # a step: interpolation alone would creep
        return 0.001 if log_beta > 3.0 else -5.0

    points = [Point(place, margin(place), place) for place in (LOW, HIGH)]
    widths = []
    for _ in range(60):
        found = crossing(points, Slopes(1.0, 1.0), LOW, HIGH)
        assert found is not None
        over = min(p.log_beta for p in points if p.margin >= 0)
        short = max(p.log_beta for p in points if p.margin < 0)
        widths.append(over - short)
        points.append(Point(found.log_beta, margin(found.log_beta), found.log_beta))
    assert all(after <= 0.91 * before for before, after in pairwise(widths))


def test_what_cannot_reach_the_target_is_not_refined() -> None:
    assert crossing([Point(HIGH, -1.0, 1.0)], Slopes(1.0, 1.0), LOW, HIGH) is None, "it was tried at the end"
    assert crossing([Point(HIGH - 0.2, -9.0, 1.0)], Slopes(1.0, 1.0), LOW, HIGH) is None
    near = crossing([Point(HIGH - 0.2, -0.3, 1.0)], Slopes(1.0, 1.0), LOW, HIGH)
    assert near is not None
    assert near.log_beta == pytest.approx(HIGH), "it may just reach it"


REFINES, SAMPLES = 1, 3


def test_the_cheapest_architecture_is_refined() -> None:
    trials = []
    for number, (width, at, beta) in enumerate([(2, 40, 20), (2, 40, 80), (8, 200, 100), (8, 200, 400)]):
        rate, accuracy = curve(beta, 1.0, at)
        cheap = rate * (1.0 if width == 2 else 3.0)
        trials.append(finished(number, {"family": "split", "beta": beta, "width": width}, cheap, accuracy))
    values = searched(trials, Target(accuracy=0.9)).suggest(REFINES)
    assert values is not None
    assert (values["family"], values["width"]) == ("split", 2)
    assert 40 <= values["beta"] <= 44, "at the target, or a little beyond"
    assert searched(trials, Target(accuracy=0.9)).suggest(SAMPLES) is None, "the sampler's turn"


def test_an_architecture_dearer_than_the_best_is_left() -> None:
    rate, accuracy = curve(20, 1.0, 40)
    dear = [finished(0, {"family": "split", "beta": 20, "width": 2}, rate, accuracy)]
    label = finished(1, {"family": "label", "merged": 1}, 1.0, 0.95)
    assert searched(dear, Target(accuracy=0.9))._refined() is not None
    assert searched([*dear, label], Target(accuracy=0.9))._refined() is None


def test_an_architecture_near_the_target_is_not_refined_further() -> None:
    both = [(20.0, 2.0, 0.8), (40.0, 2.03, 0.9001)]
    trials = [
        finished(n, {"family": "split", "beta": beta, "width": 2}, rate, accuracy)
        for n, (beta, rate, accuracy) in enumerate(both)
    ]
    assert searched(trials, Target(accuracy=0.9))._refined() is None


def test_choices_of_beta_are_tried_between_the_sides() -> None:
    student = {"family": "student"}
    trials = [
        finished(0, {**student, "beta": 20}, 2.0, 0.8),
        finished(1, {**student, "beta": 1000}, 9.0, 0.99),
    ]
    values = searched(trials, Target(accuracy=0.9))._refined()
    assert values is not None
    assert values["beta"] in (100, 500)
    trials.append(finished(2, {**student, "beta": 100}, 4.0, 0.95))
    assert searched(trials, Target(accuracy=0.9))._refined() is None, "500 lies between two that reach it"


def test_a_transmitter_that_is_too_large_is_not_refined() -> None:
    rate, accuracy = curve(20, 1.0, 40)
    trial = finished(0, {"family": "split", "beta": 20, "width": 8}, rate, accuracy, size=5000)
    assert searched([trial], Target(accuracy=0.9), "transmitter_bytes <= 5000")._refined() is not None
    assert searched([trial], Target(accuracy=0.9), "transmitter_bytes <= 4999")._refined() is None


def test_a_running_architecture_waits_for_its_result() -> None:
    rate, accuracy = curve(20, 1.0, 40)
    search = searched(
        [finished(0, {"family": "split", "beta": 20, "width": 2}, rate, accuracy)], Target(accuracy=0.9)
    )
    values = search.suggest(REFINES)
    assert values is not None
    search.planned(TrialHistory(1, TrialParams("t0001", 0, values), 0.0))
    assert search._refined() is None


def test_a_neighbour_differs_in_one_parameter_of_the_way() -> None:
    space = built_in_sweep().space
    random = Random(1)
    for _ in range(300):
        values = assign(space, random_choice(random))
        other = neighbour(space, values, random)
        paths: dict[str, Any] = {}

        def check(path: str, leaf: Any, other: dict[str, Any] = other, paths: dict[str, Any] = paths) -> Any:
            paths[path] = leaf
            return other[path.rpartition("/")[2]]

        assert assign(space, check) == other
        assert all(holds(leaf, other[path.rpartition("/")[2]]) for path, leaf in paths.items())
        changed = [name for name in values if name in other and other[name] != values[name]]
        opened = {"family", "entropy_model", "method"} & {*changed, *(other.keys() ^ values.keys())}
        assert len(changed) <= 1 or opened, "another branch has parameters of its own"


@pytest.mark.parametrize("target", [{"accuracy": 0.7}, {"rate_bits": 2.0}])
def test_a_replay_suggests_what_was_planned(virtual: SimpleNamespace, target: dict[str, float]) -> None:
    spec = virtual.spec(40, "tpe", 3).model_copy(
        update={"target": Target(**target), "constraints": ("transmitter_bytes <= 3 kB",)}
    )
    driver = virtual.Driver(spec, Random(4), 3)
    driver.run()
    plans = [entry for entry in driver.ledger if isinstance(entry.event, Planned)]
    refined = 0
    for entry in plans[4::2]:
        replayed = Engine(spec, virtual.SPACE, driver.ledger[: entry.seq])
        assert replayed._suggester.suggest(entry.event.number) == entry.event.values
        refined += replayed._suggester._target._refined() is not None
    assert refined, "some of them bracket β"


def test_a_space_without_beta_is_searched_all_the_same(virtual: SimpleNamespace) -> None:
    space: Space = {"family": Branch({"label": {"merged": Int(2, 10)}})}
    spec = virtual.spec(9, "tpe", 0).model_copy(update={"target": Target(accuracy=0.5)})
    driver = virtual.Driver(spec, Random(0), 2, space=space, outcome=None)
    driver.run()
    tried = [dict(entry.event.values) for entry in driver.ledger if isinstance(entry.event, Planned)]
    every = list(configurations(space, Random(0)))
    assert sorted(map(str, tried)) == sorted(map(str, every)), "each once"
