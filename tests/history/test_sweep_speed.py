"""A sweep's time at work, and its speed."""

from __future__ import annotations

import pytest
from tests.builders import label

from ratefront.history.events import (
    Ended,
    Entry,
    Extended,
    Failed,
    Finished,
    Planned,
    Pruned,
    Reconfigured,
    Reported,
    Resumed,
    Started,
    Stopped,
)
from ratefront.history.sweep_history import SweepHistory
from ratefront.history.sweep_speed import SweepSpeed


def _speed_of(*events: tuple[float, object]) -> SweepSpeed:
    speed = SweepSpeed()
    for seq, (at, event) in enumerate(events):
        speed.apply(Entry(seq, at, event))  # type: ignore[arg-type]
    return speed


def test_time_without_a_driver_is_not_time_at_work() -> None:
    speed = _speed_of((100, Planned("t0", 0, 0, label())), (110, Started("t0", 1, "")), (9000, Resumed("")))
    assert speed.worked_s == 10


def test_time_before_a_setting_was_changed_is_not_time_at_work() -> None:
    changed = (9000, Reconfigured({"keep": "none"}))
    speed = _speed_of((100, Started("a", 1, "")), (110, Ended("done")), changed, (9001, Extended(3)))
    assert speed.worked_s == 10


def test_the_speed_is_that_of_the_last_trials() -> None:
    ends = [(100.0 + 1000 * n, Finished(f"a{n}", 1, {})) for n in range(40)]  # slow at first
    ends += [(40_000.0 + 10 * n, Finished(f"b{n}", 1, {})) for n in range(80)]
    speed = _speed_of(*ends)
    assert speed.trials_per_hour(speed.worked_s) == pytest.approx(360)
    assert speed.trials_per_hour(speed.worked_s + 490) == pytest.approx(180), "nothing has ended for long"


def test_attempts_that_are_tried_again_do_not_count_as_ends() -> None:
    lost = [(float(n), Failed("a", n, "WorkerLostError", "died", final=False)) for n in range(1, 9)]
    assert _speed_of((0.0, Reported("a", 1, 1, {})), *lost).trials_per_hour(10.0) is None


def test_time_before_a_stop_without_a_driver_does_not_count() -> None:
    times = [
        (0.0, Planned("t0000", 0, 1, {"family": "label"})),
        (10.0, Started("t0000", 1, "w")),
        (9_000.0, Stopped("t0000", 1, "by hand")),
        (9_500.0, Resumed("another")),
        (9_510.0, Ended("done")),
    ]
    speed = SweepSpeed()
    for seq, (moment, event) in enumerate(times):
        speed.apply(Entry(seq, moment, event))
    assert speed.worked_s == 20.0


def test_time_before_a_stop_by_a_driver_counts() -> None:
    speed = SweepSpeed()
    for seq, event in enumerate(
        [Started("t0000", 1, "w"), Stopped("t0000", 1, "by hand"), Started("t0001", 1, "w")]
    ):
        speed.apply(Entry(seq, 10.0 * seq, event))
    assert speed.worked_s == 20.0


def test_pruned_trials_count_for_the_speed() -> None:
    speed = SweepSpeed()
    for seq in range(4):
        speed.apply(Entry(seq, 10.0 * seq, Pruned(f"t{seq:04d}", 1, "dominated", 1)))
    assert speed.worked_s == 30.0
    assert speed.trials_per_hour(speed.worked_s) == 360.0


def test_the_time_at_work_does_not_shrink_when_a_trial_is_stopped() -> None:
    history, shown = SweepHistory(), []
    for seq, event in enumerate([planned("t0000"), planned("t0001"), Started("t0000", 1, "w")]):
        history.apply(Entry(seq, 100.0 * seq, event))
        shown.append(history.worked_s(100.0 * seq))
    shown.append(history.worked_s(499.0))
    history.apply(Entry(3, 500.0, Stopped("t0000", 1, "by hand")))
    shown += [history.worked_s(500.0), history.worked_s(501.0)]
    assert shown == [0.0, 100.0, 200.0, 499.0, 500.0, 501.0]


def planned(trial_id: str) -> Planned:
    return Planned(trial_id, int(trial_id[1:]), 1, {"family": "label"})
