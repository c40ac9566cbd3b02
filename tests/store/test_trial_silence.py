"""Which silence of a running trial is unusual."""

from __future__ import annotations

import pytest
from tests.builders import label, result, split

from ratefront.history.events import Entry, Event, Failed, Finished, Planned, Reported, Resumed, Started
from ratefront.history.sweep_history import SweepHistory
from ratefront.store.views.trial_silence import ReportTimes


class Followed:
    """A ledger that is followed entry by entry."""

    def __init__(self) -> None:
        self.history, self.times, self.now, self._count = SweepHistory(), ReportTimes(), 1000.0, 0

    def after(self, seconds: float, *happened: Event) -> None:
        self.now += seconds
        for event in happened:
            entry = Entry(self._count, self.now, event)
            self.history.apply(entry)
            self.times.apply(entry)
            self._count += 1

    def begin(self, trial_id: str, family: str = "label") -> None:
        values = label() if family == "label" else split("conv2", 10.0)
        number = len(self.history.trials)
        self.after(0, Planned(trial_id, number, 1, values), Started(trial_id, 1, "worker"))

    def end(self, trial_id: str) -> None:
        self.after(0, Finished(trial_id, 1, result(trial_id, 3.0, 0.9, 1000).to_json()))

    def silence(self, trial_id: str, after_s: float) -> float | None:
        return self.times.unusual_silence_s(self.history.trials[trial_id], self.now + after_s)


def reported(trial_id: str, step: int, attempt: int = 1) -> Reported:
    return Reported(trial_id, attempt, step, {"loss": 1.0})


@pytest.fixture
def followed() -> Followed:
    """One trial that reported after 100 s, then every 20 s, and was measured in 50 s; and one that runs."""
    followed = Followed()
    followed.begin("t0000")
    followed.after(100, reported("t0000", 1))
    for step in (2, 3, 4):
        followed.after(20, reported("t0000", step))
    followed.after(50)
    followed.end("t0000")
    followed.begin("t0001")
    return followed


def test_before_the_first_report_it_is_ten_times_the_usual_start(followed: Followed) -> None:
    assert followed.silence("t0001", 1000) is None
    assert followed.silence("t0001", 1001) == 1001


def test_later_it_is_ten_times_the_usual_pause_or_measurement(followed: Followed) -> None:
    followed.after(100, reported("t0001", 1))
    assert followed.silence("t0001", 500) is None, "it may be being measured"
    assert followed.silence("t0001", 501) == 501
    followed.after(400, reported("t0001", 2))
    assert followed.silence("t0001", 400) is None, "counted from the last report"


def test_less_than_a_minute_is_never_unusual() -> None:
    followed = Followed()
    followed.begin("t0000")
    for step in range(1, 5):
        followed.after(1, reported("t0000", step))
    assert followed.silence("t0000", 60) is None
    assert followed.silence("t0000", 61) == 61


def test_families_are_kept_apart_and_an_unknown_one_has_an_hour(followed: Followed) -> None:
    followed.begin("t0002", "split")
    assert followed.silence("t0002", 3600) is None
    assert followed.silence("t0002", 3601) == 3601


def test_time_between_attempts_is_no_silence(followed: Followed) -> None:
    followed.after(100, reported("t0001", 1))
    followed.after(5000, Failed("t0001", 1, "WorkerLostError", "gone", retryable=True, final=False))
    followed.after(5000, Started("t0001", 2, "worker"))
    assert followed.silence("t0001", 1000) is None
    followed.after(100, Resumed("another driver"), Started("t0001", 3, "worker"))
    followed.after(100, reported("t0001", 1, attempt=3))
    assert followed.silence("t0001", 501) == 501, "nothing of it counts as usual"
