"""The memory of early stopping, report by report."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from tests.engine.engine_by_hand import Hand

from ratefront.engine.engine import Engine
from ratefront.engine.messages import Record, Start
from ratefront.engine.stopping.like_trials import TransmitterCosts, distance, position_of
from ratefront.engine.stopping.objective_axes import ObjectiveAxes
from ratefront.engine.stopping.trial_stopper import is_never_stopped, rungs_of
from ratefront.history.events import (
    Created,
    Failed,
    Finished,
    Planned,
    Pruned,
    Reported,
    Resumed,
    Spared,
    Started,
)
from ratefront.spec.sweep_spec import SweepSpec

GOOD, BAD = (4.0, 0.9), (8.0, 0.5)


def make_hand(virtual: SimpleNamespace, **stopping: Any) -> Hand:
    plain = virtual.spec(trials=50).model_dump() | {
        "training": {"epochs": 8},
        "stopping": {"like_trials": 2, "never_stopped": 0.0, "margin": 0.0, **stopping},
    }
    hand = Hand(virtual, trials=50)
    hand.spec = SweepSpec.model_validate(plain)
    hand.engine = Engine(hand.spec, virtual.SPACE)
    hand.ledger = []
    hand.add(Created("by hand", plain, "0"))
    return hand


def plan(hand: Hand, size: int = 4, family: str = "split", attempt: int = 1) -> str:
    number = len(hand.engine.history.trials)
    name = f"t{number:04d}"
    values = {"family": family, "width": size, "beta": 1.0 + number}
    hand.add(Planned(name, number, number, values), Started(name, attempt, "w"))
    return name


def report(hand: Hand, name: str, step: int, rate: float, accuracy: float, attempt: int = 1) -> list[Any]:
    metrics = {"rate_bits_estimated": rate, "accuracy": accuracy, "loss": 1.0}
    events = hand.engine.judge(Reported(name, attempt, step, metrics))
    hand.add(*events)
    return events[1:]


def finish(hand: Hand, name: str, rate: float, accuracy: float, size: int = 1000, **changes: Any) -> None:
    plain = hand.virtual.result(name, {}, transmitter_bytes=size, **changes)
    plain["validation"] = plain["validation"] | {"rate_bits": rate, "accuracy": accuracy}
    hand.add(*hand.engine.judge(Finished(name, 1, plain)))


def two_finished(hand: Hand, **more: Any) -> None:
    for _ in range(2):
        name = plan(hand, **more)
        for step in (1, 2, 4):
            assert report(hand, name, step, *GOOD) == []
        finish(hand, name, *GOOD)


def test_the_rungs_of_a_trial() -> None:
    assert rungs_of(1, 2.0, 12) == (1, 2, 4, 8)
    assert rungs_of(3, 2.0, 12) == (3, 6)
    assert rungs_of(1, 1.1, 4) == (1, 2, 3)
    assert rungs_of(1, 2.0, 1) == ()


def test_a_trial_far_behind_is_stopped_at_a_rung_alone(virtual: SimpleNamespace) -> None:
    hand = make_hand(virtual)
    two_finished(hand)
    name = plan(hand)
    assert report(hand, name, 3, *BAD) == [], "epoch 3 is no rung"
    (event,) = report(hand, name, 4, *BAD)
    assert (type(event), event.trial_id, event.rung) == (Pruned, name, 4)
    assert event.reason == (
        "after epoch 4 of 8: at best it adds 0.00% to the hypervolume of transmitters like its own, "
        "and 2 of 2 like trials are ahead of it"
    )
    trial = hand.engine.history.trials[name]
    assert (trial.status, trial.rung) == ("pruned", 4)
    assert report(hand, name, 5, *BAD) == [] == hand.engine.judge(Reported(name, 1, 6, {"loss": 1.0}))


@pytest.mark.parametrize(
    ("stopping", "more", "reported"),
    [
        ({"like_trials": 3}, {}, BAD),
        ({"rule": "none"}, {}, BAD),
        ({}, {"family": "label"}, BAD),
        ({}, {"size": 1}, BAD),  # a transmitter that may be far smaller than those of the finished trials
        ({}, {}, (3.9, 0.5)),  # on the present front
    ],
    ids=["too few", "off", "another family", "a smaller transmitter", "on the front"],
)
def test_what_is_not_stopped(
    virtual: SimpleNamespace, stopping: dict[str, Any], more: dict[str, Any], reported: tuple[float, float]
) -> None:
    hand = make_hand(virtual, **stopping)
    two_finished(hand)
    name = plan(hand, **more)
    assert [report(hand, name, step, *reported) for step in (1, 2, 4)] == [[], [], []]


def test_without_an_objective_in_its_reports_it_goes_on(virtual: SimpleNamespace) -> None:
    hand = make_hand(virtual)
    two_finished(hand)
    events = hand.engine.judge(Reported(plan(hand), 1, 1, {"accuracy": 0.1}))
    assert [type(event) for event in events] == [Reported]


def test_the_spared_share_is_recorded_once(virtual: SimpleNamespace) -> None:
    hand = make_hand(virtual, never_stopped=1.0)
    two_finished(hand)
    name = plan(hand)
    (event,) = report(hand, name, 1, *BAD)
    assert (type(event), event.rung) == (Spared, 1)
    assert report(hand, name, 2, *BAD) == []
    assert hand.engine.history.trials[name].spared_at == 1


def test_a_tenth_is_never_stopped() -> None:
    drawn = [is_never_stopped(0.1, 7, number) for number in range(5000)]
    assert 430 < sum(drawn) < 570
    assert drawn != [is_never_stopped(0.1, 8, number) for number in range(5000)]


def test_a_lost_verdict_comes_before_the_next_attempt(
    virtual: SimpleNamespace,
) -> None:
    hand = make_hand(virtual)
    two_finished(hand)
    name = plan(hand)
    hand.add(Reported(name, 1, 2, {"rate_bits_estimated": BAD[0], "accuracy": BAD[1]}), Resumed("again"))
    command = hand.engine.next_command()
    assert isinstance(command, Record)
    hand.add(command.event)
    trial = hand.engine.history.trials[name]
    assert (trial.status, trial.rung, trial.attempts) == ("pruned", 2, 1)
    assert hand.command().params.trial_id != name


def test_an_attempt_that_repeats_a_rung_is_judged_again(virtual: SimpleNamespace) -> None:
    hand = make_hand(virtual)
    name = plan(hand)
    assert report(hand, name, 1, *BAD) == []
    hand.add(Failed(name, 1, "WorkerLostError", "gone", retryable=True, final=False))
    start = hand.command()
    assert isinstance(start, Start)
    hand.add(Started(name, 2, "w"))
    two_finished(hand)
    (event,) = report(hand, name, 1, *BAD, attempt=2)
    assert (type(event), event.attempt) == (Pruned, 2)


def test_a_replay_gives_the_same_verdict(virtual: SimpleNamespace) -> None:
    hand = make_hand(virtual)
    two_finished(hand)
    name = plan(hand)
    message = Reported(name, 1, 2, {"rate_bits_estimated": BAD[0], "accuracy": BAD[1]})
    replayed = Engine(hand.spec, virtual.SPACE, hand.ledger)
    assert replayed.judge(message) == hand.engine.judge(message)
    assert len(replayed.judge(message)) == 2


def test_the_oracle_alone_may_end_a_hope(virtual: SimpleNamespace) -> None:
    """Both like trials lost half of their rate after epoch 1; this one would then lie below the oracle."""
    hand = make_hand(virtual, least_gain=0.3)
    for _ in range(2):
        name = plan(hand)
        report(hand, name, 1, 9.0, 0.9)
        finish(hand, name, 4.0, 0.9)
    message = Reported(plan(hand), 1, 1, {"rate_bits_estimated": 4.1, "accuracy": 0.89})
    for rival in [plan(hand) for _ in range(3)]:
        hand.add(Reported(rival, 1, 1, {"rate_bits_estimated": 3.0, "accuracy": 0.95}))
    assert [type(event) for event in hand.engine.judge(message)] == [Reported]
    hand.engine._stopper.know_oracle([(0.0, 5.0), (0.05, 4.5), (0.2, 3.9), (0.9, 0.0)])
    assert [type(event) for event in hand.engine.judge(message)] == [Reported, Pruned]


def test_costs_are_those_of_equal_transmitters_or_less() -> None:
    costs = TransmitterCosts()
    assert costs.predict({"family": "split", "width": 4}) is None
    costs.learn({"family": "split", "split": "conv1", "width": 4, "beta": 1.0}, (10.0,))
    costs.learn({"family": "split", "split": "conv1", "width": 4, "beta": 9.0}, (9.5,))
    assert costs.predict({"family": "split", "split": "conv1", "width": 4, "beta": 3.0}) == (9.5,)
    (smaller,) = costs.predict({"family": "split", "split": "conv1", "width": 2}) or ()
    assert smaller == pytest.approx(7.5, abs=0.01), "a quarter"
    assert costs.predict({"family": "split", "split": "conv1", "width": 8}) == pytest.approx((9.5,))
    assert costs.predict({"family": "split", "split": "conv2", "width": 4}) is None
    assert costs.predict({"family": "student", "split": "conv1", "width": 4}) is None
    small = {"family": "label", "classifier": "small", "classifier_width": 4}
    costs.learn({**small, "classifier_loss": "distillation"}, (8.0,))
    assert costs.predict({**small, "classifier_loss": "cross_entropy"}) == (8.0,), (
        "it trains, and is not sent"
    )


def test_the_distance_of_configurations() -> None:
    one = {"family": "split", "split": "conv1", "beta": 8.0}

    def apart(**changes: Any) -> float:
        there, back = position_of(one), position_of(one | changes)
        assert distance(there, back) == distance(back, there)
        return distance(there, back)

    assert apart() == 0
    assert apart(beta=16) == 0.25
    assert apart(beta=1e9) == apart(beta=0) == 1
    assert apart(split="conv2") == apart(width=3) == 1
    assert apart(split="conv2", beta=16.0) == 1.25


def test_objectives_without_a_curve_stop_nothing(virtual: SimpleNamespace) -> None:
    axes = ObjectiveAxes({"transmitter_bytes": "minimise", "error": "minimise", "accuracy": "maximise"})
    assert axes.now({"accuracy": 0.5, "error": 3.0}) == (3.0, 0.0)
    assert axes.now({"accuracy": 0.5}) is None
    assert ObjectiveAxes({"encode_ms": "minimise"}).now({"accuracy": 0.5}) is None
