"""A follower never delays the sweep, loses nothing, and warns of entries that it could not deliver."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.tracking.ledger_stories import Story, created, finished, planned, reported, started, whole_sweep
from tests.tracking.tracked_places import (
    QUICK,
    MemoryPlace,
    MlflowPlace,
    Place,
    by_trial,
    finish,
    follow,
    show,
)

from ratefront.errors import InputError, LedgerDamagedError
from ratefront.history.events import Entry, Resumed
from ratefront.history.sweep_history import SweepHistory, TrialHistory
from ratefront.tracking.delivery.backlog import Backlog
from ratefront.tracking.delivery.deliver import Delivery
from ratefront.tracking.delivery.folder_content import NoFolder
from ratefront.tracking.delivery.follower import Follower, FollowerTiming
from ratefront.tracking.in_memory_tracker import InMemoryTracker
from ratefront.tracking.tracker_protocol import (
    FrontCodec,
    ParetoRank,
    Provenance,
    TrackedEnding,
    TrackedSweep,
    TrialUpdate,
)

pytestmark = pytest.mark.medium


class Unreliable:
    """A tracker that refuses a third of the calls and loses the answer to another third."""

    parallel_calls = 1

    def __init__(self, inner: Any) -> None:
        self.inner, self.failures, self._dice = inner, 0, random.Random(7)

    def _answer(self, name: str, *args: Any, **kwargs: Any) -> None:
        fate = self._dice.randrange(3)
        self.failures += fate != 2
        if fate == 0:
            raise ConnectionError("the server is away")
        getattr(self.inner, name)(*args, **kwargs)
        if fate == 1:
            raise ConnectionError("the answer was lost")

    def open_sweep(self, sweep: TrackedSweep, *, running: bool) -> None:
        self._answer("open_sweep", sweep, running=running)

    def show_trial(self, update: TrialUpdate) -> None:
        self._answer("show_trial", update)

    def leave_trial(self, trial: TrialHistory, pareto_rank: ParetoRank | None, time: float) -> None:
        self._answer("leave_trial", trial, pareto_rank, time)

    def close_sweep(self, ending: TrackedEnding, time: float) -> None:
        self._answer("close_sweep", ending, time)


class Hanging(InMemoryTracker):
    """A tracker whose first call for a trial hangs until it is released."""

    def __init__(self) -> None:
        super().__init__()
        self.entered, self.released = threading.Event(), threading.Event()

    def show_trial(self, update: TrialUpdate) -> None:
        self.entered.set()
        self.released.wait(30)
        super().show_trial(update)


class Refusing(InMemoryTracker):
    """A tracker that never takes one of the trials."""

    def __init__(self, trial_id: str) -> None:
        super().__init__()
        self.trial_id = trial_id

    def show_trial(self, update: TrialUpdate) -> None:
        if update.trial.params.trial_id == self.trial_id:
            raise ValueError(f"{self.trial_id} is refused")
        super().show_trial(update)


class Unreachable(InMemoryTracker):
    """A tracker that cannot be reached until ``is_reachable``."""

    def __init__(self) -> None:
        super().__init__()
        self.attempts, self.is_reachable = 0, False

    def open_sweep(self, sweep: TrackedSweep, *, running: bool) -> None:
        self.attempts += 1
        if not self.is_reachable:
            raise ConnectionError("no server")
        super().open_sweep(sweep, running=running)


@pytest.fixture
def hanging() -> Iterator[Hanging]:
    tracker = Hanging()
    yield tracker
    tracker.released.set()


def wait_until(holds: Any, seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.005)


def test_a_failing_server_loses_and_doubles_nothing(place: Place) -> None:
    tracker = Unreliable(place.tracker())
    assert finish(follow(whole_sweep(), tracker)) == 0
    assert tracker.failures > 5
    assert by_trial(place) == show(whole_sweep(), MemoryPlace())


def test_a_new_follower_takes_over_from_a_killed_one(place: Place) -> None:
    story = Story().tell(created(), planned(0), planned(1), started(0), started(1), reported(0, 1))
    assert follow(story, place.tracker()).close(30) == 0  # the driver dies here: nothing was closed
    assert Counter(run.status for run in place.runs()) == {"RUNNING": 3}
    story.tell(Resumed("driver-2"), started(0, attempt=2), reported(0, 1, attempt=2), finished(0, attempt=2))
    runs = show(story.tell(started(1, attempt=2), finished(1, attempt=2)), place)
    assert {name: run.status for name, run in runs.items()} == dict.fromkeys(
        ("", "t0000", "t0001"), "FINISHED"
    )
    assert sum(point.key == "epoch/loss" for point in runs["t0000"].points) == 1


def test_the_last_entries_are_delivered_without_a_wake() -> None:
    place, story = MemoryPlace(), Story().tell(created(), planned(0))
    follower = Follower(story.reader(), place.tracker(), FollowerTiming(poll=60, settle=60)).start()
    story.tell(started(0), finished(0))
    assert finish(follower) == 0
    assert by_trial(place)["t0000"].status == "FINISHED"


def test_wake_delivers_long_before_the_next_poll() -> None:
    story, tracker = Story().tell(created(), planned(0)), InMemoryTracker()
    follower = Follower(story.reader(), tracker, FollowerTiming(poll=60, settle=0)).start()
    wait_until(lambda: tracker.sweeps)
    story.tell(started(0))
    follower.wake()
    wait_until(lambda: any(sweep.trials for sweep in tracker.sweeps.values()))
    assert follower.close(10) == 0


def test_wake_never_waits_for_the_tracker(hanging: Hanging) -> None:
    follower = follow(whole_sweep(), hanging)
    assert hanging.entered.wait(10)
    begin = time.perf_counter()
    for _ in range(1000):
        follower.wake()
    assert (time.perf_counter() - begin) / 1000 < 0.5e-3


def test_closing_a_hanging_tracker_keeps_to_the_patience(
    hanging: Hanging, caplog: pytest.LogCaptureFixture
) -> None:
    story = whole_sweep()
    follower = follow(story, hanging)
    assert hanging.entered.wait(10)
    begin = time.monotonic()
    left = finish(follower, patience=0.1)
    assert time.monotonic() - begin < 5
    entries_of_trials = len(story.entries) - 6  # all but created, four planned, and ended
    assert left == entries_of_trials
    assert f"{left} ledger entries not delivered" in caplog.text
    assert "`sweep.track()`, with the same tracking_uri=…, delivers them" in caplog.text
    assert "has not answered" in caplog.text


def test_a_tracker_that_takes_long_gets_no_more_than_the_time_in_all(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Slow(InMemoryTracker):
        def show_trial(self, update: TrialUpdate) -> None:
            time.sleep(0.3)
            super().show_trial(update)

    begin = time.monotonic()
    assert follow(whole_sweep(), Slow()).finish(TrackedEnding("interrupted"), 30.0, at_most=0.4) > 0
    assert time.monotonic() - begin < 0.9, "it delivers a trial every 0.3 s, so that there is no standstill"
    assert "there were 0.4 s left for them" in caplog.text


def test_reports_are_kept_as_numbers_and_come_back_as_they_were() -> None:
    backlog = Backlog()
    reports = [reported(0, 1, loss=1 / 3), reported(0, 2, loss=0.1, accuracy=1.0), reported(0, 3, loss=2.5)]
    story = Story().tell(created(), planned(0), started(0), *reports)
    backlog.add(story.entries)
    assert [report for _, report in backlog.reports("t0000")] == reports
    assert [moment for moment, _ in backlog.reports("t0000")] == [entry.time for entry in story.entries[3:]]


def test_a_clock_that_is_set_back_gives_no_run_of_negative_length(place: Place) -> None:
    story = Story().tell(
        created(), planned(0), started(0), reported(0, 1), finished(0), planned(1), started(1)
    )
    at = [0.0, 1.0, 2.0, -3600.0, -3599.0, -3598.0, -3597.0]
    story.entries = [
        entry._replace(time=story.entries[0].time + moment)
        for entry, moment in zip(story.entries, at, strict=True)
    ]
    assert finish(follow(story, place.tracker()), outcome="interrupted") == 0
    for run in place.runs():
        assert run.end_ms is not None
        assert run.end_ms >= run.start_ms


def test_a_server_that_stays_away_is_logged_with_its_last_error(caplog: pytest.LogCaptureFixture) -> None:
    assert finish(follow(whole_sweep(), Unreachable()), patience=0.3) > 0
    assert "the sweep goes on" in caplog.text
    assert "last error: ConnectionError: no server" in caplog.text


def test_an_outage_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    follower = follow(whole_sweep(), tracker := Unreachable())
    wait_until(lambda: tracker.attempts > 20)
    tracker.is_reachable = True
    assert finish(follower) == 0
    assert [record.getMessage() for record in caplog.records] == [
        "tracking: ConnectionError: no server; the sweep goes on, trying again"
    ]


@pytest.mark.parametrize(("has_ended", "searches"), [(True, 1), (False, 2)])
def test_a_running_sweeps_runs_are_searched_again_at_its_end(has_ended: bool, searches: int) -> None:
    """A server takes ten seconds to list a thousand runs."""
    tracker = Unreachable()
    tracker.is_reachable = True
    story = whole_sweep() if has_ended else Story().tell(created(), planned(0), started(0), finished(0))
    assert finish(follow(story, tracker)) == 0
    assert tracker.attempts == searches


def test_a_refusal_is_logged_at_once_and_not_waited_for(caplog: pytest.LogCaptureFixture) -> None:
    class Refused(InMemoryTracker):
        def open_sweep(self, sweep: TrackedSweep, *, running: bool) -> None:
            raise InputError("experiment 'mine' was deleted")

    follower = Follower(whole_sweep().reader(), Refused(), FollowerTiming(retry=60)).start()
    wait_until(lambda: caplog.records)
    assert follower.is_refused
    begin = time.monotonic()
    left = finish(follower, patience=60)
    assert time.monotonic() - begin < 10
    assert [record.getMessage().partition(";")[0] for record in caplog.records] == [
        "tracking: experiment 'mine' was deleted",
        f"tracking: {left} ledger entries not delivered (last error: experiment 'mine' was deleted)",
    ]


def test_a_refused_trial_does_not_delay_the_others(caplog: pytest.LogCaptureFixture) -> None:
    tracker = Refusing("t0001")
    follower = follow(whole_sweep(), tracker)
    wait_until(lambda: any(len(sweep.trials) == 3 for sweep in tracker.sweeps.values()))
    assert finish(follower, patience=0.2) == 4  # started, two reports, pruned
    assert "t0001 is refused" in caplog.text


def test_a_ledger_that_is_unreadable_for_a_moment_is_read_again() -> None:
    story, place, failures = whole_sweep(), MemoryPlace(), iter([OSError("stale handle"), OSError("again")])
    read_new = story.reader()

    def sometimes_unreadable() -> list[Entry]:
        for failure in failures:
            raise failure
        return read_new()

    assert finish(Follower(sometimes_unreadable, place.tracker(), QUICK).start()) == 0
    assert len(place.runs()) == 5


def test_a_damaged_ledger_is_logged_and_ends_nothing_else(caplog: pytest.LogCaptureFixture) -> None:
    def damaged() -> list[Entry]:
        raise LedgerDamagedError("ledger.jsonl: entry 7 at byte 900: checksum differs")

    assert finish(Follower(damaged, InMemoryTracker(), QUICK).start(), patience=0.2) >= 1
    assert "entry 7 at byte 900" in caplog.text


def test_an_empty_ledger_leaves_no_run(place: Place) -> None:
    assert finish(follow(Story(), place.tracker())) == 0
    assert place.runs() == []


def test_entries_of_one_moment_are_sent_together(
    mlflow_place: MlflowPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import MlflowClient

    calls: Counter[str] = Counter()
    for name in ("create_run", "log_batch", "set_terminated", "update_run", "set_tag", "log_metric"):
        original = getattr(MlflowClient, name)

        def counted(
            self: Any, *args: Any, _name: str = name, _original: Any = original, **kwargs: Any
        ) -> Any:
            calls[_name] += 1
            return _original(self, *args, **kwargs)

        monkeypatch.setattr(MlflowClient, name, counted)
    story = Story().tell(created(), planned(0), started(0), *(reported(0, step) for step in range(1, 51)))
    show(story.tell(finished(0)), mlflow_place)
    assert calls["create_run"] == calls["set_terminated"] == 2
    assert calls["log_batch"] <= 5  # sweep: settings, figures; trial: everything, front
    assert calls["set_tag"] == calls["log_metric"] == calls["update_run"] == 0


class RefusesFiles(InMemoryTracker):
    """A tracker that takes runs, and no files."""

    def describe_sweep(self, provenance: Provenance) -> None:
        raise PermissionError("no files are taken here")

    def keep_codec(self, codec: FrontCodec) -> None:
        raise PermissionError(f"no codec {codec.trial_id} is taken here")


class WithProvenance(NoFolder):
    def provenance(self, history: SweepHistory) -> Provenance:
        return Provenance(Path("runs/digits"))


def test_refused_files_and_codecs_delay_no_trial_and_no_end(
    caplog: pytest.LogCaptureFixture,
) -> None:
    place = MemoryPlace(RefusesFiles())
    codec = FrontCodec("t0000", "split", Path("codec.json"), Path("codec.safetensors"), 1000, 8.1, 0.98)
    story = whole_sweep()
    follower = Follower(story.reader(), place.tracker(), QUICK, WithProvenance()).start()
    assert follower.finish(TrackedEnding("finished", {"hypervolume": 0.5}, codecs=(codec,)), 0.2) > 0
    assert "no files are taken here" in caplog.text
    runs = by_trial(place)
    assert len(runs) == 5
    assert (runs[""].status, runs["t0000"].tags["pareto"]) == ("FINISHED", "true")


def test_two_followers_at_once_leave_one_run_per_trial(mlflow_place: MlflowPlace) -> None:
    """Each has found nothing when it came, and made its own: the one that closes deletes the second runs."""
    story = whole_sweep()
    first, second = (Delivery(story.reader(), mlflow_place.tracker()) for _ in range(2))
    begin, story.entries = story.entries, story.entries[:1]
    for delivery in (first, second):
        delivery.deliver(is_last=False)
    story.entries = begin
    for delivery in (first, second):
        delivery.deliver(is_last=False)
    assert len(mlflow_place.stored()) > 5
    for delivery in (first, second):
        delivery.ending = TrackedEnding("finished")
        delivery.deliver(is_last=True)
    assert {name: run.status for name, run in by_trial(mlflow_place).items()} == {
        "": "FINISHED",
        "t0000": "FINISHED",
        "t0001": "KILLED",
        "t0002": "FAILED",
        "t0003": "FINISHED",
    }


class HangingInParallel(Hanging):
    parallel_calls = 3


_HANGS = """
import sys, threading, time
from tests.tracking.tracked_places import QUICK
from tests.tracking.ledger_stories import whole_sweep
from ratefront.tracking.delivery.follower import Follower
from ratefront.tracking.in_memory_tracker import InMemoryTracker
from ratefront.tracking.tracker_protocol import TrackedEnding

class Hangs(InMemoryTracker):
    parallel_calls = 3
    def show_trial(self, update):
        threading.Event().wait(60)

follower = Follower(whole_sweep().reader(), Hangs(), QUICK).start()
assert follower.finish(TrackedEnding("finished"), 0.2) > 0
"""


def test_a_process_that_ends_does_not_wait_for_hanging_calls(pytestconfig: pytest.Config) -> None:
    done = subprocess.run([sys.executable, "-c", _HANGS], cwd=pytestconfig.rootpath, timeout=30, check=False)
    assert done.returncode == 0


def test_a_second_interrupt_abandons_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    tracker = HangingInParallel()
    follower = follow(whole_sweep(), tracker)
    assert tracker.entered.wait(10)

    def interrupted(self: Follower, patience: float, at_most: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Follower, "_wait_for_the_end", interrupted)
    with pytest.raises(KeyboardInterrupt):
        finish(follower)
    tracker.released.set()
    wait_until(lambda: not follower._thread.is_alive())
    (sweep,) = tracker.sweeps.values()
    assert len(sweep.trials) <= tracker.parallel_calls, "those that were under way, and no others"
