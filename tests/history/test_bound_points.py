"""The bounds that a ledger holds: every field is checked, and rates lie on straight lines between the points."""

from __future__ import annotations

from typing import Any

import pytest

from ratefront.history.bound_points import falling_points, rate_at
from ratefront.history.events import BoundsReady, Created, Entry, Reconfigured, from_stored
from ratefront.history.sweep_history import SweepHistory

POINTS = ((0.1, 3.0), (0.3, 1.0), (0.9, 0.0))
STORED: dict[str, Any] = {
    "split": "validation",
    "samples": 360,
    "curves": {"oracle": [[0.1, 3], [0.3, 1.0], [0.9, 0.0]]},
    "missing": {"task_model": "no posteriors"},
}


def test_the_history_has_the_bounds_of_the_last_event() -> None:
    history = SweepHistory.of([Entry(0, 0.0, Created("s", {}, "0"))])
    assert dict(history.bounds) == {}
    history.apply(Entry(1, 0.0, from_stored("bounds_ready", STORED)))
    assert dict(history.bounds) == {"oracle": POINTS}
    history.apply(Entry(2, 0.0, Reconfigured({"bounds": ["oracle", "task_model"]})))
    history.apply(Entry(3, 0.0, BoundsReady("validation", 1, {"oracle": POINTS, "task_model": POINTS})))
    assert sorted(history.bounds) == ["oracle", "task_model"]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"split": "test"}, "split"),
        ({"samples": -1}, "samples"),
        ({"samples": True}, "samples"),
        ({"curves": []}, "curves"),
        ({"curves": {"oracle": []}}, r"curves\.oracle"),
        ({"curves": {"oracle": [[0.1, 1.0, 2.0]]}}, r"curves\.oracle\.0"),
        ({"curves": {"oracle": [[0.1]]}}, r"curves\.oracle\.0"),
        ({"curves": {"oracle": [[0.1, "1"]]}}, r"curves\.oracle\.0\.1"),
        ({"curves": {"oracle": [[0.1, float("nan")]]}}, r"curves\.oracle\.0\.1"),
        ({"curves": {"oracle": [[0.1, -1.0]]}}, r"curves\.oracle\.0\.1"),
        ({"curves": {"oracle": [[10**400, 1.0]]}}, r"curves\.oracle\.0\.0"),
        ({"curves": {"oracle": [[0.2, 1.0], [0.1, 0.5]]}}, r"curves\.oracle"),
        ({"curves": {"oracle": [[0.1, 1.0], [0.2, 1.5]]}}, r"curves\.oracle"),
        ({"curves": {"oracle": [[place / 100, 1.0] for place in range(65)]}}, r"curves\.oracle"),
        ({"missing": {"oracle": 1}}, r"missing\.oracle"),
        ({"more": 1}, "more"),
    ],
)
def test_every_field_of_a_strangers_bounds_is_checked(change: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=rf"^{named}"):
        from_stored("bounds_ready", {**STORED, **change})


def test_rates_lie_on_straight_lines() -> None:
    expected = {0.05: None, 0.1: 3.0, 0.2: 2.0, 0.3: 1.0, 0.6: 0.5, 0.9: 0.0, 1.0: 0.0}
    for distortion, rate in expected.items():
        assert rate_at(POINTS, distortion) == (None if rate is None else pytest.approx(rate, abs=1e-12))
    assert rate_at(POINTS, 1 - 0.9 - 1e-12) == 3.0, "1 − accuracy may round to just below"
    with pytest.raises(ValueError, match="at least one point"):
        rate_at((), 0.5)


def test_points_are_made_to_fall() -> None:
    points = falling_points([(0.0, 2.0), (0.1, 2.0 + 1e-9), (0.1, 1.5), (0.1, 1.4), (0.5, 0.0)])
    assert points == ((0.0, 2.0), (0.1, 1.4), (0.5, 0.0))
    assert BoundsReady("validation", 1, {"oracle": points}).curves["oracle"] == points
