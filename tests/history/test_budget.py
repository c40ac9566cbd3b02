"""What of a budget is spent: time at work and that of GPUs, pauses apart."""

from __future__ import annotations

import pytest

from ratefront.history.budget import (
    Spent,
    is_grace_over,
    larger_budget,
    may_go_on,
    recorded_budget,
    spent_by,
    why_over,
)
from ratefront.history.events import (
    BudgetSpent,
    Created,
    Ended,
    Entry,
    Event,
    Failed,
    Planned,
    Resumed,
    Started,
    Stopped,
)
from ratefront.history.sweep_history import SweepHistory
from ratefront.spec.sweep_spec import Budget


def history_of(*timed: tuple[float, Event]) -> SweepHistory:
    return SweepHistory.of(Entry(seq, time, event) for seq, (time, event) in enumerate(timed))


def planned(number: int) -> Planned:
    return Planned(f"t{number:04d}", number, 0, {"family": "label"})


BEGUN: tuple[tuple[float, Event], ...] = (
    (0.0, Created("s", {"name": "s"}, "0")),
    (0.0, planned(0)),
    (0.0, planned(1)),
    (100.0, Started("t0000", 1, "w", 0.25)),
    (200.0, Started("t0001", 1, "w", 1.0)),
)


def test_the_gpus_of_attempts_count_while_they_run() -> None:
    history = history_of(*BEGUN, (300.0, Failed("t0000", 1, "E", "", final=False)))
    assert history.speed.gpu_s == 0.25 * 200 + 1.0 * 100
    assert spent_by(history, 360.0) == Spent(360 / 3600, (150 + 60) / 3600)


def test_pauses_between_drivers_do_not_count() -> None:
    history = history_of(*BEGUN, (9_000.0, Resumed("d")), (9_010.0, planned(2)))
    assert history.speed.gpu_s == 0.25 * 100, "of attempts that were lost, up to the last entry"
    assert spent_by(history, 9_010.0).hours == pytest.approx(210 / 3600)


def test_a_stop_where_no_driver_runs_does_not_count() -> None:
    stopped = (5_000.0, Stopped("t0000", 1, "by hand"))
    assert history_of(*BEGUN, stopped, (9_000.0, Resumed("d"))).speed.gpu_s == 0.25 * 100
    at_work = history_of(*BEGUN, (250.0, Stopped("t0000", 1, "by hand")), (300.0, planned(2)))
    assert at_work.speed.gpu_s == 0.25 * 150 + 1.0 * 100


def test_a_stop_in_a_pause_spends_nothing() -> None:
    """A trial that waits may be stopped where no driver runs; the next entry is that of a resume, much later."""
    ended = (*BEGUN, (300.0, BudgetSpent(300 / 3600, 0.0)), (310.0, Ended("spent", is_budget_spent=True)))
    for begun, worked_s in ((BEGUN, 200.0), (ended, 310.0)):
        history = history_of(*begun, (70_000.0, Stopped("t0001", 0, "by hand")))
        assert spent_by(history, None).hours == pytest.approx(worked_s / 3600)
        assert spent_by(history, None).gpu_hours == pytest.approx(history.speed.gpu_s / 3600)
    assert may_go_on(Budget(hours=1), history)
    assert not may_go_on(Budget(hours=0.08), history)


def test_the_end_of_a_budget_loses_the_attempts_that_run() -> None:
    history = history_of(*BEGUN, (300.0, BudgetSpent(300 / 3600, 0.0)), (310.0, Ended("spent", True)))
    assert history.ended_by_budget
    assert (history.counts["running"], history.counts["planned"]) == (0, 2)
    assert spent_by(history, 300.0).gpu_hours == spent_by(history, 5_000.0).gpu_hours, "no GPU is in use"


def test_what_is_spent_is_said_with_the_keys_to_raise() -> None:
    budget = Budget(hours=6, gpu_hours=1)
    assert why_over(budget, Spent(5.9, 0.9)) == ""
    assert why_over(budget, Spent(6.0, 0.9)) == (
        "the budget of 6 hours is spent; resumed with more (budget.hours), the sweep goes on"
    )
    assert "6 hours and 1 GPU-hour is spent" in why_over(budget, Spent(6.1, 1.0))
    assert larger_budget(budget, Spent(6.1, 0.9)) == {"budget.hours": 12.2}
    assert why_over(Budget(), Spent(1e4, 1e4)) == ""


def test_grace_begins_when_the_budget_was_found_spent() -> None:
    history = history_of(*BEGUN, (300.0, BudgetSpent(250 / 3600, 0.0)))
    budget = Budget(hours=0.01, grace_minutes=1)
    assert not is_grace_over(budget, history, 309.0)
    assert is_grace_over(budget, history, 311.0)


def test_a_clock_that_is_put_back_does_not_unspend_a_budget() -> None:
    history = history_of(*BEGUN, (150.0, BudgetSpent(1.0, 0.0)))
    assert spent_by(history, 150.0).hours == 1.0


def test_a_recorded_budget_of_another_version_has_no_limits() -> None:
    assert recorded_budget({"budget": {"hours": 2.0}}) == Budget(hours=2.0)
    assert recorded_budget({"budget": {"euros": 2.0}}) == recorded_budget({}) == Budget()
