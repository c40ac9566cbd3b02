"""No trial lost, none counted twice, in whatever order things happen."""

from __future__ import annotations

import math
from collections import Counter
from contextlib import suppress
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ratefront.engine.engine import Engine
from ratefront.engine.messages import Done, Record, Start, StopRequested, Wait
from ratefront.engine.placement import Needs, needs_of
from ratefront.errors import EngineError
from ratefront.history.events import (
    Created,
    Ended,
    Entry,
    Event,
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
from ratefront.history.sweep_history import SweepHistory, TrialHistory
from ratefront.records import ENDED, TrialParams
from ratefront.spec.schema import Metric, SweepSpec

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
@given(seed=SEEDS, slots=st.integers(1, 5), sampler=st.sampled_from(["tpe", "nsga2", "random"]))
def test_every_trial_ends_exactly_once(virtual: SimpleNamespace, seed: int, slots: int, sampler: str) -> None:
    driver = virtual.Driver(virtual.spec(sampler=sampler), Random(seed), slots)
    engine = driver.run()
    assert_whole(driver.ledger, 8)
    counts = Counter(trial.status for trial in engine.history.trials.values())
    assert sum(counts[status] for status in ENDED) == 8
    assert engine.history.ended


@settings(max_examples=40, deadline=None)
@given(seed=SEEDS, kills=st.lists(st.integers(1, 60), max_size=4))
def test_killed_anywhere_and_resumed_each_trial_ends_once(
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
@given(seed=SEEDS, cut=st.integers(1, 80), sampler=st.sampled_from(["tpe", "nsga2"]))
def test_a_replay_gives_the_same_engine(virtual: SimpleNamespace, seed: int, cut: int, sampler: str) -> None:
    driver = virtual.Driver(virtual.spec(trials=10, sampler=sampler), Random(seed), 2, kill_at=cut)
    with suppress(virtual.Killed):
        driver.run()
    replayed = Engine(driver.spec, virtual.SPACE, driver.ledger)
    assert replayed.history == driver.engine.history
    assert replayed.done == driver.engine.done
    number = len(replayed.history.trials)
    assert replayed._suggester.suggest(number) == driver.engine._suggester.suggest(number)


def test_one_slot_killed_or_not_finds_the_same(virtual: SimpleNamespace) -> None:
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


class Hand:
    """An engine led by hand."""

    def __init__(self, virtual: SimpleNamespace, trials: int = 2) -> None:
        self.virtual, self.ledger = virtual, []
        self.spec = virtual.spec(trials=trials)
        self.engine = Engine(self.spec, virtual.SPACE)
        self.add(Created("by hand", {}, "0"))

    def add(self, *events: Event) -> None:
        for event in events:
            entry = Entry(len(self.ledger), 0.0, event)
            self.ledger.append(entry)
            self.engine.apply(entry)

    def command(self) -> Start | Wait | Done:
        """What a free slot is to do; what is to be recorded on the way is."""
        command = self.engine.next_command()
        while isinstance(command, Record):
            self.add(command.event)
            command = self.engine.next_command()
        return command

    def start(self) -> Start:
        command = self.command()
        assert isinstance(command, Start)
        return command

    def begin(self) -> Start:
        start = self.start()
        self.add(*self.engine.judge(Started(start.params.trial_id, start.attempt, "w")))
        return start


@pytest.fixture
def hand(virtual: SimpleNamespace) -> Hand:
    return Hand(virtual)


def test_waits_while_all_are_given_out_and_is_done_when_all_have_ended(hand: Hand) -> None:
    first, second = hand.begin(), hand.begin()
    assert hand.engine.next_command() == Wait()
    for start in (first, second):
        trial_id = start.params.trial_id
        returned = Finished(trial_id, 1, hand.virtual.result(trial_id, start.params.values))
        hand.add(*hand.engine.judge(returned))
    assert hand.engine.next_command() == Done()


def test_after_a_resume_what_was_running_comes_first_with_the_same_values_and_seed(hand: Hand) -> None:
    first, second = hand.begin(), hand.start()
    hand.add(Resumed("another driver"))
    again, after = hand.start(), hand.start()
    assert (again.params, again.attempt) == (first.params, 2)
    assert (after.params, after.attempt) == (second.params, 1)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_report_that_is_no_number_fails_the_trial_and_frees_the_worker(hand: Hand, value: float) -> None:
    start = hand.begin()
    events = hand.engine.judge(Reported("t0000", 1, 3, {"loss": value, "accuracy": 0.5}))
    assert events == [Failed("t0000", 1, "DivergedError", f"loss is {value} at epoch 3", final=True)]
    hand.add(*events)
    assert not hand.engine.history.is_running("t0000", 1)
    late = Finished("t0000", 1, hand.virtual.result("t0000", start.params.values))
    assert hand.engine.judge(late) == []


@pytest.mark.parametrize("value", [None, "0.5", [0.5], 10**400])
def test_a_metric_is_a_number(hand: Hand, value: object) -> None:
    hand.begin()
    (event,) = hand.engine.judge(Reported("t0000", 1, 1, {"loss": 0.5, "accuracy": value}))
    assert isinstance(event, Failed)
    assert (event.error, event.final) == ("InvalidResult", True)
    assert event.reason.startswith("accuracy is ")


@pytest.mark.parametrize(
    ("changes", "error", "part"),
    [
        ({"extra": {"probe": float("nan")}}, "DivergedError", "extra.probe is nan"),
        ({"encode_ms": float("inf")}, "DivergedError", "encode_ms is inf"),
        ({"validation": None}, "InvalidResult", "incomplete or wrong"),
        ({"transmitter_bytes": -1}, "InvalidResult", "transmitter_bytes is finite and ≥ 0"),
        ({"transmitter_macs": -5}, "InvalidResult", "transmitter_macs is finite and ≥ 0"),
        ({"transmitter_macs": None}, "InvalidResult", "transmitter_macs is a number or has a reason"),
        ({"transmitter_macs_unknown": "aten.cdist"}, "InvalidResult", "a number or has a reason"),
        ({"encode_ms_validation": -0.1}, "InvalidResult", "encode_ms_validation is finite and ≥ 0"),
        ({"extra": {"per_class": [1.0, float("nan")]}}, "DivergedError", "extra.per_class.1 is nan"),
        ({"extra": {"gpu_memory_share": "0.5"}}, "InvalidResult", "extra.gpu_memory_share is a number"),
        ({"extra": None}, "InvalidResult", "incomplete or wrong"),
        ({"extra": {"probe": [1.0]}}, "InvalidResult", "extra.probe is a number"),
        ({"trial_id": "t0007"}, "InvalidResult", "t0007"),
    ],
)
def test_a_result_that_is_no_measurement_fails_the_trial(
    hand: Hand, changes: dict[str, object], error: str, part: str
) -> None:
    start = hand.begin()
    plain = hand.virtual.result("t0000", start.params.values) | changes
    (event,) = hand.engine.judge(Finished("t0000", 1, plain))
    assert isinstance(event, Failed)
    assert (event.error, event.final) == (error, True)
    assert part in event.reason


@pytest.mark.parametrize("is_objective", [False, True])
def test_an_unknown_cost_fails_a_trial_only_where_it_is_an_objective(
    virtual: SimpleNamespace, is_objective: bool
) -> None:
    hand = Hand(virtual)
    if is_objective:
        objectives = ("rate_bits", "accuracy", "transmitter_macs")
        hand.engine = Engine(hand.spec.model_copy(update={"objectives": objectives}), virtual.SPACE)
        hand.engine.apply(hand.ledger[0])
    start = hand.begin()
    unknown = {"transmitter_macs": None, "transmitter_macs_unknown": "no count for aten.cdist"}
    plain = virtual.result("t0000", start.params.values) | unknown
    part = "transmitter_macs is not known: no count for aten.cdist"
    ends_as(hand, plain, "UnknownCostError" if is_objective else "", part)


def ends_as(hand: Hand, result: dict[str, Any], error: str, part: str) -> None:
    """Finished without an error, or failed for good with it and a reason that holds ``part``."""
    (event,) = hand.engine.judge(Finished("t0000", 1, result))
    hand.add(event)
    if not error:
        assert isinstance(event, Finished)
        return
    assert isinstance(event, Failed)
    assert (event.error, event.final) == (error, True)
    assert part in event.reason


@pytest.mark.parametrize(
    ("error", "retryable", "attempts"),
    [
        ("WorkerLostError", True, 3),
        ("OutOfMemoryError", False, 3),
        ("MemoryError", False, 3),
        ("ValueError", False, 1),
        ("OracleViolationError", False, 1),
    ],
)
def test_errors_that_pass_are_tried_twice_more(
    hand: Hand, error: str, retryable: bool, attempts: int
) -> None:
    seen = []
    while not seen or not seen[-1].final:
        start = hand.begin()
        seen += hand.engine.judge(Failed("t0000", start.attempt, error, "why", retryable=retryable))
        hand.add(seen[-1])
    assert [event.attempt for event in seen] == list(range(1, attempts + 1))
    assert hand.engine.history.trials["t0000"].status == "failed"
    assert hand.start().params.trial_id == "t0001"


def test_attempts_that_died_with_their_driver_cost_no_retry(hand: Hand) -> None:
    for _ in range(5):
        hand.begin()
        hand.add(Resumed("again"))
    start = hand.begin()
    (event,) = hand.engine.judge(Failed("t0000", start.attempt, "WorkerLostError", "why", retryable=True))
    assert isinstance(event, Failed)
    assert not event.final


def test_a_failure_that_was_not_judged_is_refused(hand: Hand) -> None:
    start = hand.begin()
    with pytest.raises(ValueError, match="the failure of trial t0000 was not judged"):
        hand.add(Failed("t0000", start.attempt, "WorkerLostError", "why", retryable=True))


def test_a_worker_that_never_began_costs_an_attempt(hand: Hand) -> None:
    hand.start()
    started, failed = hand.engine.judge(Failed("t0000", 1, "WorkerLostError", "no actor", retryable=True))
    assert isinstance(started, Started)
    hand.add(started, failed)
    assert hand.start().attempt == 2


def test_news_of_an_older_attempt_is_not_heard(hand: Hand) -> None:
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
    hand.add(Pruned("t0000", 1, "dominated"))
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


def fail(hand: Hand, error: str = "WorkerLostError") -> Failed:
    """The attempt that runs is lost; the event that this amounts to."""
    trial = hand.engine.history.trials["t0000"]
    (event,) = hand.engine.judge(Failed("t0000", trial.attempts, error, "why", retryable=True))
    hand.add(event)
    assert isinstance(event, Failed)
    return event


def reach(hand: Hand, step: int) -> None:
    """Begin an attempt that reports this step."""
    start = hand.begin()
    hand.add(*hand.engine.judge(Reported("t0000", start.attempt, step, {"loss": 0.5})))


def test_an_attempt_that_got_further_costs_nothing_and_others_add_up(hand: Hand) -> None:
    for step in (1, 2, 3, 4, 5):
        reach(hand, step)
        assert not fail(hand).final
    ends = []
    for _ in range(3):
        reach(hand, 5)
        ends.append(fail(hand).final)
    assert ends == [False, False, True]


def test_the_curve_is_that_of_the_attempt_that_went_on(hand: Hand) -> None:
    start = hand.begin()
    for step in (1, 2, 3):
        hand.add(*hand.engine.judge(Reported("t0000", start.attempt, step, {"loss": 1.0 / step})))
    fail(hand)
    again = hand.begin()  # from a checkpoint behind step 1
    hand.add(*hand.engine.judge(Reported("t0000", again.attempt, 2, {"loss": 7.0})))
    reports = hand.engine.history.trials["t0000"].reports
    assert [(report.step, report.metrics["loss"]) for report in reports] == [(1, 1.0), (2, 7.0)]
    assert hand.engine.judge(Reported("t0000", again.attempt, 2, {"loss": 8.0})) == []


def test_a_full_memory_halves_the_batch_each_time(hand: Hand) -> None:
    seen = []
    for _ in range(3):
        start = hand.begin()
        seen.append(start.batch_divisor)
        fail(hand, "OutOfMemoryError")
    assert seen == [1, 2, 4]


@pytest.mark.parametrize("begins", [True, False])
def test_a_person_stops_a_trial_whether_it_runs_or_not(hand: Hand, begins: bool) -> None:
    hand.begin() if begins else hand.start()
    hand.add(*hand.engine.judge(StopRequested("t0000", "by hand")))
    assert hand.engine.history.trials["t0000"].status == "stopped"
    assert hand.engine.judge(Started("t0000", 1, "w")) == []
    assert not hand.engine.history.is_running("t0000", 1)
    assert hand.engine.judge(StopRequested("t0000", "again")) == []


def finish(hand: Hand, start: Start, **changes: object) -> None:
    trial_id = start.params.trial_id
    plain = hand.virtual.result(trial_id, start.params.values, **changes)
    hand.add(*hand.engine.judge(Finished(trial_id, start.attempt, plain)))


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


def test_a_full_disk_is_no_trials_fault(hand: Hand) -> None:
    hand.begin()
    with pytest.raises(EngineError, match="No space left; make room"):
        hand.engine.judge(Failed("t0000", 1, "StorageFullError", "No space left", retryable=True))
    assert hand.engine.history.trials["t0000"].status == "running"


def test_data_that_were_changed_are_no_trials_fault(hand: Hand) -> None:
    hand.begin()
    with pytest.raises(EngineError, match=r"trial t0000: the data are others$"):
        hand.engine.judge(Failed("t0000", 1, "SweepMismatchError", "the data are others", retryable=False))
    assert hand.engine.history.trials["t0000"].status == "running"


def test_only_what_has_failed_can_be_reopened(hand: Hand) -> None:
    finish(hand, hand.begin())
    with pytest.raises(ValueError, match="only a failed one"):
        hand.add(Reopened("t0000"))


def trial_of(family: str, **known: int) -> TrialHistory:
    return TrialHistory(0, TrialParams("t0000", 0, {"family": family}), 0.0, **known)


class TestPlacement:
    def spec(self, virtual: SimpleNamespace, **resources: object) -> SweepSpec:
        plain = virtual.spec(trials=4).model_dump() | {"resources": {"cpus": 2, **resources}}
        return SweepSpec.model_validate(plain)

    def hand(self, virtual: SimpleNamespace, **resources: object) -> Hand:
        hand = Hand(virtual, trials=4)
        hand.engine = Engine(self.spec(virtual, **resources), virtual.SPACE)
        hand.ledger.clear()
        hand.add(Created("by hand", {}, "0"))
        return hand

    def test_families_may_need_something_else(self, virtual: SimpleNamespace) -> None:
        resources = self.spec(virtual, gpus=0.5, families={"label": {"gpus": 0, "cpus": 1}}).resources
        assert needs_of(resources, SweepHistory(), trial_of("label")) == Needs(1, 0)
        assert needs_of(resources, SweepHistory(), trial_of("split")) == Needs(2, 0.5)

    def test_what_a_family_says_itself_is_not_measured(self, virtual: SimpleNamespace) -> None:
        families = {"label": {"gpus": 0.5}, "image": {"gpus": 2}}
        resources = self.spec(virtual, trials_per_gpu="auto", families=families).resources
        history = SweepHistory(gpu_memory_share=0.15)
        given = [
            needs_of(resources, history, trial_of(family)).gpus for family in ("label", "image", "split")
        ]
        assert given == [0.5, 2, 0.2]

    def test_a_trial_that_the_measured_share_was_too_little_for_gets_twice_as_much(
        self, virtual: SimpleNamespace
    ) -> None:
        resources = self.spec(virtual, trials_per_gpu="auto").resources
        history = SweepHistory(gpu_memory_share=0.15)
        given = [needs_of(resources, history, trial_of("split", memory_failures=n)).gpus for n in range(4)]
        assert given == [0.2, 0.4, 0.8, 1.0]

    def test_who_needs_no_measured_share_waits_for_nobody(self, virtual: SimpleNamespace) -> None:
        hand = self.hand(
            virtual, trials_per_gpu="auto", families={"split": {"gpus": 0}, "label": {"gpus": 1}}
        )
        assert {hand.begin().needs.gpus for _ in range(4)} <= {0, 1}

    def test_one_trial_is_measured_before_any_other_starts(self, virtual: SimpleNamespace) -> None:
        hand = self.hand(virtual, trials_per_gpu="auto")
        first = hand.begin()
        assert first.needs.gpus == 1
        assert hand.command() == Wait()
        finish(hand, first, extra={"gpu_memory_share": 0.15})
        assert {hand.begin().needs.gpus for _ in range(3)} == {0.2}, "0.15 with a margin is a fifth"

    def test_a_first_trial_that_fails_is_followed_by_another_alone(self, virtual: SimpleNamespace) -> None:
        hand = self.hand(virtual, trials_per_gpu="auto")
        hand.begin()
        hand.add(*hand.engine.judge(Failed("t0000", 1, "ValueError", "bad")))
        assert hand.begin().needs.gpus == 1
        assert hand.command() == Wait()

    def test_gpus_are_given_once(self, virtual: SimpleNamespace) -> None:
        with pytest.raises(ValueError, match="either gpus or trials_per_gpu"):
            self.spec(virtual, gpus=0.5, trials_per_gpu=2)


@pytest.mark.parametrize(
    ("measured", "error", "part"),
    [
        ({"own": 0.5}, "", ""),
        (
            {"own": None},
            "UnknownCostError",
            "own is not known: it needs scores, and the codec gives none (family ",
        ),
        ({}, "InvalidResult", "unknown metric 'own'; valid: none"),
        ({"own": math.nan}, "DivergedError", "validation.metrics.own is nan"),
    ],
)
def test_a_metric_that_is_an_objective_has_a_value_or_fails_the_trial(
    virtual: SimpleNamespace, measured: dict[str, float | None], error: str, part: str
) -> None:
    hand = Hand(virtual)
    metric = Metric(name="own", target="m:own", direction="minimise")
    spec = hand.spec.model_copy(update={"metrics": (metric,), "objectives": ("rate_bits", "own")})
    hand.engine = Engine(spec, virtual.SPACE)
    hand.engine.apply(hand.ledger[0])
    start = hand.begin()
    plain = virtual.result("t0000", start.params.values)
    for split in ("validation", "test"):
        plain[split]["metrics"] = measured
    ends_as(hand, plain, error, part)
