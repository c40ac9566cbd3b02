"""Which failed attempts are tried again, and which failures end the sweep."""

from __future__ import annotations

import pytest
from tests.engine.engine_by_hand import Hand

from ratefront.errors import EngineError, LedgerDamagedError
from ratefront.history.events import (
    Failed,
    Reported,
    Resumed,
    Started,
)


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
def test_retryable_errors_are_tried_twice_more(
    hand: Hand, error: str, retryable: bool, attempts: int
) -> None:
    failures = []
    while not failures or not failures[-1].final:
        start = hand.begin()
        failures += hand.engine.judge(Failed("t0000", start.attempt, error, "why", retryable=retryable))
        hand.add(failures[-1])
    assert [event.attempt for event in failures] == list(range(1, attempts + 1))
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
    with pytest.raises(LedgerDamagedError, match="the failure of trial t0000 was not judged"):
        hand.add(Failed("t0000", start.attempt, "WorkerLostError", "why", retryable=True))


def test_a_worker_that_never_began_costs_an_attempt(hand: Hand) -> None:
    hand.start()
    started, failed = hand.engine.judge(Failed("t0000", 1, "WorkerLostError", "no actor", retryable=True))
    assert isinstance(started, Started)
    hand.add(started, failed)
    assert hand.start().attempt == 2


def fail(hand: Hand, error: str = "WorkerLostError") -> Failed:
    """Lose the attempt that runs, and return the event that follows."""
    trial = hand.engine.history.trials["t0000"]
    (event,) = hand.engine.judge(Failed("t0000", trial.attempts, error, "why", retryable=True))
    hand.add(event)
    assert isinstance(event, Failed)
    return event


def reach(hand: Hand, step: int) -> None:
    """Begin an attempt that reports this step."""
    start = hand.begin()
    hand.add(*hand.engine.judge(Reported("t0000", start.attempt, step, {"loss": 0.5})))


def test_only_attempts_that_got_no_further_use_up_retries(hand: Hand) -> None:
    for step in (1, 2, 3, 4, 5):
        reach(hand, step)
        assert not fail(hand).final
    ends = []
    for _ in range(3):
        reach(hand, 5)
        ends.append(fail(hand).final)
    assert ends == [False, False, True]


def test_the_curve_follows_the_attempt_that_went_on(hand: Hand) -> None:
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
    divisors = []
    for _ in range(3):
        start = hand.begin()
        divisors.append(start.batch_divisor)
        fail(hand, "OutOfMemoryError")
    assert divisors == [1, 2, 4]


def test_a_full_disk_ends_the_sweep_and_fails_no_trial(hand: Hand) -> None:
    hand.begin()
    with pytest.raises(EngineError, match="No space left; make room"):
        hand.engine.judge(Failed("t0000", 1, "StorageFullError", "No space left", retryable=True))
    assert hand.engine.history.trials["t0000"].status == "running"


def test_changed_data_end_the_sweep_and_fail_no_trial(hand: Hand) -> None:
    hand.begin()
    with pytest.raises(EngineError, match=r"trial t0000: the data are others$"):
        hand.engine.judge(Failed("t0000", 1, "SweepMismatchError", "the data are others", retryable=False))
    assert hand.engine.history.trials["t0000"].status == "running"
