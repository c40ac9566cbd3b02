"""Configurations run again with fresh seeds: which, how often, in which order, and what a resume knows of it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.engine.engine_by_hand import Hand, finish

from ratefront.engine.engine import Engine
from ratefront.engine.messages import Done, Start, StopRequested, Wait
from ratefront.engine.repeats import worth_repeating
from ratefront.errors import LedgerDamagedError
from ratefront.history.events import Created, Entry, Extended, Planned
from ratefront.history.sweep_history import SweepHistory, TrialHistory
from ratefront.spec.space.configurations import uses_seed
from ratefront.spec.space.dimensions import Branch, Choice, Space
from ratefront.trial_records import Objectives, TrialParams, TrialResult

pytestmark = pytest.mark.medium

OBJECTIVES: Objectives = {"rate_bits": "minimise", "accuracy": "maximise"}


def planned(ledger: list[Entry]) -> list[Planned]:
    return [entry.event for entry in ledger if isinstance(entry.event, Planned)]


def repeats(ledger: list[Entry]) -> list[str]:
    return [event.repeat_of for event in planned(ledger) if event.repeat_of]


def run(virtual: SimpleNamespace, repeated: Any, trials: int = 12, **changes: Any) -> Any:
    driver = virtual.Driver(
        virtual.spec(trials, "random", repeats=repeated), Random(3), 2, outcome=virtual.good, **changes
    )
    driver.run()
    return driver


def test_the_front_and_its_rivals_get_seeds_when_the_trials_have_ended(
    virtual: SimpleNamespace,
) -> None:
    driver = run(virtual, {"front": 2, "most_trials": 100})
    events, history = planned(driver.ledger), driver.engine.history
    assert [bool(event.repeat_of) for event in events] == [False] * 12 + [True] * (len(events) - 12)
    times = Counter(repeats(driver.ledger))
    worth = worth_repeating(list(history.trials.values())[:12], driver.spec.directions)
    assert len(worth) >= 3
    assert set(times.values()) == {2}
    assert {history.trials[name].params.configuration for name in times} == set(worth)
    assert len({event.seed for event in events}) == len(events)
    assert (history.trials_ended, history.repeats[:2]) == (12, (2 * len(worth), 2 * len(worth)))
    assert history.ended_early == ""


def test_each_configuration_gets_a_first_seed_before_any_gets_a_second(virtual: SimpleNamespace) -> None:
    driver = run(virtual, {"front": 3, "most_trials": 100})
    order = repeats(driver.ledger)
    rounds = [order[place : place + len(set(order))] for place in range(0, len(order), len(set(order)))]
    assert len(rounds) == 3
    assert all(each == rounds[0] for each in rounds)


@pytest.mark.parametrize(
    ("setting", "number"), [({}, 3), ({"most_trials": 5}, 5), ({"front": 1, "most_trials": 1}, 1)]
)
def test_no_more_trials_are_repeated_than_allowed(
    virtual: SimpleNamespace, setting: Mapping[str, int], number: int
) -> None:
    driver = run(virtual, dict(setting))
    assert len(repeats(driver.ledger)) == number


def test_every_configuration_has_as_many_seeds_as_asked_for(virtual: SimpleNamespace) -> None:
    driver = run(virtual, 3, trials=5)
    events = planned(driver.ledger)
    suggested = [event for event in events if not event.repeat_of]
    assert len(suggested) == 5
    for event in suggested:
        alike = [each for each in events if each.values == event.values]
        assert len(alike) == (3 if uses_seed(event.values) else 1)
        assert [each.number for each in alike] == list(range(event.number, event.number + len(alike)))
    without = run(virtual, 1, trials=5)
    assert [e.values for e in suggested] == [e.values for e in planned(without.ledger)], (
        "the search is the same"
    )


def test_nothing_is_repeated_where_no_result_depends_on_the_seed(virtual: SimpleNamespace) -> None:
    space: Space = {
        "family": Branch({"image": {"codec": Branch({"jpeg": {"quality": Choice((1, 2, 3, 4, 5))}})}})
    }
    for setting in (3, {"front": 3, "most_trials": 100}):
        assert repeats(run(virtual, setting, trials=5, space=space).ledger) == []


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32), slots=st.integers(1, 4), cut=st.floats(0, 1))
def test_a_resumed_sweep_repeats_what_it_would_have_repeated(
    virtual: SimpleNamespace, seed: int, slots: int, cut: float
) -> None:
    """Killed anywhere, with failures and late messages: each engine goes on as the one that was killed."""
    for setting in ({"front": 2, "most_trials": 9}, 2):
        driver = virtual.Driver(virtual.spec(8, "random", repeats=setting), Random(seed), slots)
        driver.run()
        for number, entry in enumerate(driver.ledger):
            if isinstance(entry.event, Planned):
                replayed = Engine(driver.spec, virtual.SPACE, driver.ledger[:number])
                assert (replayed._next_repeat or "") == entry.event.repeat_of
        kill_at = math.ceil(cut * (len(driver.ledger) - 1))
        killed = virtual.Driver(driver.spec, Random(seed), slots, kill_at=kill_at)
        with pytest.raises(virtual.Killed):
            killed.run()
        again = virtual.Driver(driver.spec, Random(seed + 1), slots, ledger=list(killed.ledger))
        history = again.run().history
        assert history == SweepHistory.of(again.ledger, keeps_curves=False)
        assert history.trials_ended == 8
        assert len(history.ended_order) == len(history.trials)


def test_an_extended_sweep_searches_first_then_repeats_its_front(virtual: SimpleNamespace) -> None:
    first = run(virtual, {"front": 1})
    assert len(repeats(first.ledger)) == 3
    again = virtual.Driver(first.spec, Random(3), 2, ledger=list(first.ledger), outcome=virtual.good)
    again.record(Extended(20))
    history = again.run().history
    assert [bool(event.repeat_of) for event in planned(again.ledger)[15:]] == [False] * 8 + [True] * 2
    assert (history.trials_ended, history.repeats) == (20, (5, 5, 5))


def test_a_repeat_that_was_stopped_counts_and_is_not_begun_again(virtual: SimpleNamespace) -> None:
    hand = Hand(virtual, trials=4, repeats={"front": 1, "most_trials": 1})
    for _ in range(4):
        finish(hand, hand.begin())
    repeat = hand.begin()
    assert hand.engine.history.trials[repeat.params.trial_id].repeat_of
    assert not hand.engine.done
    hand.add(*hand.engine.judge(StopRequested(repeat.params.trial_id, "by hand")))
    assert isinstance(hand.command(), Done)
    assert hand.engine.end.reason == "every requested trial has ended"


def test_no_repeat_begins_while_a_requested_trial_runs(virtual: SimpleNamespace) -> None:
    hand = Hand(virtual, trials=2, repeats={"front": 1, "most_trials": 4})
    finish(hand, hand.begin())
    last = hand.begin()
    assert isinstance(hand.command(), Wait)
    finish(hand, last)
    assert isinstance(hand.command(), Start)


def point(number: int, rate: float, accuracy: float, measure: Any, **values: Any) -> TrialHistory:
    """A trial of a family whose results depend on the seed, unless ``values`` say otherwise."""
    params = TrialParams(f"t{number:04d}", number, {"family": "split", "beta": float(number), **values})
    measured = measure(rate, accuracy)
    result = TrialResult(params.trial_id, "finished", "", measured, measured, 1, 1, 0.1, 1.0)
    return TrialHistory(number, params, 0.0, "finished", result=result)


def test_the_least_certain_places_on_the_front_come_first(virtual: SimpleNamespace) -> None:
    """By hand: 0, 1, 2 are the front, 3 lies closely under 2, 4 far under 0; 5 is dominated twice."""
    places = [(1.0, 0.2), (3.0, 0.5), (7.0, 0.9), (7.1, 0.89), (3.0, 0.2), (8.0, 0.1)]
    trials = [point(number, *place, virtual.measure) for number, place in enumerate(places)]
    found = worth_repeating(trials, OBJECTIVES)
    names = {trial.params.configuration: trial.number for trial in trials}
    assert [names[each] for each in found] == [2, 1, 0, 3, 4]


def test_a_repeats_own_result_does_not_change_what_is_repeated(virtual: SimpleNamespace) -> None:
    trials = [point(0, 2.0, 0.9, virtual.measure), point(1, 2.5, 0.8, virtual.measure)]
    lucky = point(2, 1.0, 0.99, virtual.measure, beta=1.0)
    lucky.repeat_of = "t0001"
    assert worth_repeating([*trials, lucky], OBJECTIVES) == worth_repeating(trials, OBJECTIVES)
    assert worth_repeating([], OBJECTIVES) == []


@pytest.mark.parametrize(
    ("first", "values"), [("t0000", {"family": "label"}), ("t0007", {"family": "split"})]
)
def test_a_forged_repeat_is_refused(first: str, values: dict[str, Any]) -> None:
    events = [
        Created("s", {}, "0"),
        Planned("t0000", 0, 1, {"family": "split"}),
        Planned("t0001", 1, 2, values, first),
    ]
    with pytest.raises(
        LedgerDamagedError, match=r"entry 2 of the ledger, planned: .*(which it repeats|never planned)"
    ):
        SweepHistory.of([Entry(seq, 0.0, event) for seq, event in enumerate(events)])
