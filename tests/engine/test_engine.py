"""No trial lost, none counted twice, in whatever order things happen."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from random import Random
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.engine.engine_by_hand import Hand, finish

from ratefront.engine.engine import Engine
from ratefront.engine.messages import Done, StopRequested, Wait
from ratefront.errors import LedgerDamagedError
from ratefront.history.events import (
    Ended,
    Entry,
    Extended,
    Failed,
    Finished,
    Planned,
    Pruned,
    Reopened,
    Reported,
    Resumed,
    Started,
    Stopped,
)
from ratefront.trial_records import ENDED

pytestmark = pytest.mark.medium

SEEDS = st.integers(0, 2**32)


def ends(ledger: list[Entry]) -> Counter[str]:
    """How often each trial ended, by the events alone."""
    return Counter(
        entry.event.trial_id
        for entry in ledger
        if isinstance(entry.event, Finished | Pruned | Stopped)
        or (isinstance(entry.event, Failed) and entry.event.final)
    )


def assert_whole(ledger: list[Entry], trials: int) -> None:
    planned = [entry.event for entry in ledger if isinstance(entry.event, Planned)]
    assert [event.number for event in planned] == list(range(trials))
    assert ends(ledger) == Counter({f"t{number:04d}": 1 for number in range(trials)})


@settings(max_examples=40, deadline=None)
@given(seed=SEEDS, slots=st.integers(1, 5), sampler=st.sampled_from(["auto", "tpe", "nsga2", "random"]))
def test_every_trial_ends_exactly_once(virtual: SimpleNamespace, seed: int, slots: int, sampler: str) -> None:
    driver = virtual.Driver(virtual.spec(sampler=sampler), Random(seed), slots)
    engine = driver.run()
    assert_whole(driver.ledger, 8)
    counts = Counter(trial.status for trial in engine.history.trials.values())
    assert sum(counts[status] for status in ENDED) == 8
    assert engine.history.ended


@settings(max_examples=40, deadline=None)
@given(seed=SEEDS, kills=st.lists(st.integers(1, 60), max_size=4))
def test_each_trial_ends_once_wherever_drivers_are_killed(
    virtual: SimpleNamespace, seed: int, kills: list[int]
) -> None:
    random, ledger = Random(seed), []
    for kill_at in kills:
        driver = virtual.Driver(virtual.spec(), random, 3, ledger, kill_at=len(ledger) + kill_at)
        try:
            driver.run()
        except virtual.Killed:
            continue
        break
    else:
        virtual.Driver(virtual.spec(), random, 3, ledger).run()
    assert_whole(ledger, 8)


@settings(max_examples=25, deadline=None)
@given(seed=SEEDS, cut=st.integers(1, 80), sampler=st.sampled_from(["auto", "tpe", "nsga2"]))
def test_a_replay_gives_the_same_engine(virtual: SimpleNamespace, seed: int, cut: int, sampler: str) -> None:
    driver = virtual.Driver(virtual.spec(trials=10, sampler=sampler), Random(seed), 2, kill_at=cut)
    with suppress(virtual.Killed):
        driver.run()
    replayed = Engine(driver.spec, virtual.SPACE, driver.ledger)
    assert replayed.history == driver.engine.history
    assert replayed.done == driver.engine.done
    number = len(replayed.history.trials)
    assert replayed._suggester.suggest(number) == driver.engine._suggester.suggest(number)


def test_with_one_slot_a_killed_sweep_plans_the_same_trials(virtual: SimpleNamespace) -> None:
    def values(ledger: list[Entry]) -> list[object]:
        return [entry.event for entry in ledger if isinstance(entry.event, Planned)]

    whole = virtual.Driver(virtual.spec(), Random(1), 1, outcome=virtual.good)
    whole.run()
    ledger: list[Entry] = []
    for kill_at in (5, 17, 30):
        with pytest.raises(virtual.Killed):
            virtual.Driver(virtual.spec(), Random(1), 1, ledger, kill_at, virtual.good).run()
    virtual.Driver(virtual.spec(), Random(1), 1, ledger, outcome=virtual.good).run()
    assert values(ledger) == values(whole.ledger)


def test_a_slot_waits_while_all_trials_run_and_is_done_after_them(hand: Hand) -> None:
    first, second = hand.begin(), hand.begin()
    assert hand.engine.next_command() == Wait()
    for start in (first, second):
        trial_id = start.params.trial_id
        finished = Finished(trial_id, 1, hand.virtual.result(trial_id, start.params.values))
        hand.add(*hand.engine.judge(finished))
    assert hand.engine.next_command() == Done()


def test_after_a_resume_lost_attempts_start_again_first(hand: Hand) -> None:
    first, second = hand.begin(), hand.start()
    hand.add(Resumed("another driver"))
    again, after = hand.start(), hand.start()
    assert (again.params, again.attempt) == (first.params, 2)
    assert (after.params, after.attempt) == (second.params, 1)


def test_messages_of_an_older_attempt_are_ignored(hand: Hand) -> None:
    start = hand.begin()
    hand.add(*hand.engine.judge(Failed("t0000", 1, "WorkerLostError", "why", retryable=True)))
    hand.begin()
    values = start.params.values
    assert hand.engine.judge(Finished("t0000", 1, hand.virtual.result("t0000", values))) == []
    assert hand.engine.judge(Reported("t0000", 1, 9, {"loss": 1.0})) == []
    assert hand.engine.judge(Started("t0000", 2, "again")) == []
    assert hand.engine.judge(Reported("t0000", 2, 1, {"loss": 1.0})) == [
        Reported("t0000", 2, 1, {"loss": 1.0})
    ]


def test_a_trial_that_the_search_stops_is_pruned(hand: Hand) -> None:
    hand.begin()
    hand.add(Pruned("t0000", 1, "dominated", 1))
    assert not hand.engine.history.is_running("t0000", 1)
    assert hand.engine.history.trials["t0000"].status == "pruned"
    assert hand.engine.judge(Reported("t0000", 1, 1, {"loss": 0.5})) == []
    assert hand.start().params.trial_id == "t0001"


def test_seeds_and_names_are_stable(virtual: SimpleNamespace) -> None:
    hand = Hand(virtual)
    start = hand.start()
    assert (start.params.trial_id, start.params.seed) == ("t0000", 235378312)
    assert 0 <= hand.start().params.seed < 2**31


def test_more_trials_than_before_extend_an_ended_sweep(virtual: SimpleNamespace) -> None:
    driver = virtual.Driver(virtual.spec(trials=4), Random(3), outcome=virtual.good)
    driver.run()
    longer = virtual.Driver(virtual.spec(trials=6), Random(3), 2, driver.ledger, outcome=virtual.good)
    longer.run()
    assert_whole(longer.ledger, 6)


@pytest.mark.parametrize("begins", [True, False])
def test_a_person_stops_a_trial_whether_it_runs_or_not(hand: Hand, begins: bool) -> None:
    hand.begin() if begins else hand.start()
    hand.add(*hand.engine.judge(StopRequested("t0000", "by hand")))
    assert hand.engine.history.trials["t0000"].status == "stopped"
    assert hand.engine.judge(Started("t0000", 1, "w")) == []
    assert not hand.engine.history.is_running("t0000", 1)
    assert hand.engine.judge(StopRequested("t0000", "again")) == []


def test_an_extended_sweep_goes_on_with_the_trials_it_would_have_tried(virtual: SimpleNamespace) -> None:
    short, long = Hand(virtual, trials=6), Hand(virtual, trials=9)
    for _ in range(6):
        finish(short, short.begin())
        finish(long, long.begin())
    short.add(Ended("done"), Extended(9))
    assert not short.engine.done
    assert not short.engine.history.ended
    for _ in range(3):
        start = short.begin()
        assert start.params == long.begin().params
        finish(short, start)
        finish(long, start)
    assert short.engine.done


def test_a_reopened_trial_is_tried_again_and_learned_from(hand: Hand) -> None:
    start = hand.begin()
    hand.add(*hand.engine.judge(Failed("t0000", 1, "ValueError", "no such file")))
    finish(hand, hand.begin())
    assert hand.engine.done
    hand.add(Ended("done"), Reopened("t0000"))
    again = hand.begin()
    assert (again.params, again.attempt) == (start.params, 2)
    finish(hand, again)
    history = hand.engine.history
    assert (history.trials["t0000"].status, history.trials["t0000"].reason) == ("finished", "")
    assert history.ended_order == ["t0001", "t0000"]
    assert hand.engine.done


def test_a_worker_of_an_earlier_driver_takes_no_trial_out_of_the_queue(hand: Hand) -> None:
    hand.start()
    hand.add(Resumed("again"))
    assert hand.engine.judge(Started("t0000", 1, "of the old driver")) == []
    assert hand.engine.judge(Failed("t0000", 1, "WorkerLostError", "of the old driver", retryable=True)) == []
    assert hand.start().params.trial_id == "t0000"


def test_only_what_has_failed_can_be_reopened(hand: Hand) -> None:
    finish(hand, hand.begin())
    with pytest.raises(LedgerDamagedError, match="only a failed one"):
        hand.add(Reopened("t0000"))
