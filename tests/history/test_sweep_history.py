"""A history as the threads of a driver share it: a copy that stays, without the curves of ended trials."""

from __future__ import annotations

from copy import deepcopy

import pytest
from tests.builders import label

from ratefront.history.events import Entry, Planned, Reported, Started, Stopped
from ratefront.history.sweep_history import SweepHistory


@pytest.fixture
def history() -> SweepHistory:
    """One trial that runs and has reported."""
    history = SweepHistory(keeps_curves=False)
    happened = (
        Planned("t0000", 0, 1, label()),
        Started("t0000", 1, "w"),
        Reported("t0000", 1, 1, {"loss": 1.0}),
    )
    for seq, event in enumerate(happened):
        history.apply(Entry(seq, float(seq), event))
    return history


def test_a_snapshot_equals_the_history_and_stays_as_it_is(history: SweepHistory) -> None:
    before, shown = deepcopy(history), history.snapshot()
    assert shown == before
    history.apply(Entry(3, 3.0, Reported("t0000", 1, 2, {"loss": 0.5})))
    history.apply(Entry(4, 4.0, Planned("t0001", 1, 1, label())))
    history.apply(Entry(5, 5.0, Stopped("t0000", 1, "by hand")))
    assert shown == before


def test_curves_of_ended_trials_are_forgotten(history: SweepHistory) -> None:
    assert [report.step for report in history.trials["t0000"].reports] == [1]
    history.apply(Entry(3, 3.0, Stopped("t0000", 1, "by hand")))
    assert history.trials["t0000"].reports == []
