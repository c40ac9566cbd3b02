"""What a driver does at each turn: checks signals, takes requests, has the report drawn."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ratefront.engine.messages import StopRequested, TimePassed
from ratefront.orchestrate import driver_loop
from ratefront.orchestrate.driver_loop import (
    DriverLoop,
    interrupted_by_requests,
    requests_to_earlier_driver,
    take_trial_stops,
)
from ratefront.orchestrate.interrupts import Interrupted, Interrupts, interrupts
from ratefront.store.ledger.ledger_file import Ledger
from ratefront.store.ledger.stop_requests import StopRequest, leave_request, take_requests, waiting_requests
from ratefront.store.sweep_folder import SweepFolder


class Live:
    """A live sweep that only keeps its messages."""

    history = None

    def __init__(self) -> None:
        self.messages: list[Any] = []

    def tell(self, message: Any) -> None:
        self.messages.append(message)


@pytest.fixture
def sweep(tmp_path: Path) -> Any:
    folder, live, drawn = SweepFolder(tmp_path), Live(), []
    following = SimpleNamespace(tick=drawn.append)
    ledger = SimpleNamespace(check_in_place=lambda: None)
    loop = DriverLoop(live, ledger, folder, Interrupts(), following)  # type: ignore[arg-type]
    return SimpleNamespace(folder=folder, live=live, loop=loop, drawn=drawn)


class TestRequests:
    def test_trials_are_stopped_in_the_order_of_the_requests(self, sweep: Any) -> None:
        leave_request(sweep.folder, StopRequest("t0002", "enough"))
        leave_request(sweep.folder, StopRequest("t0001", "too"))
        sweep.loop.tick()
        *stops, time_passed = sweep.live.messages
        assert stops == [StopRequested("t0002", "enough"), StopRequested("t0001", "too")]
        assert time_passed == TimePassed(pytest.approx(time.time(), abs=60))
        assert sweep.drawn == [None]

    def test_requests_are_looked_for_at_intervals(self, sweep: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        looks: list[float] = []
        now, step = 1000.0, driver_loop.REQUEST_INTERVAL_S / 16
        monkeypatch.setattr(driver_loop, "take_requests", lambda folder: looks.append(now) or [])
        monkeypatch.setattr(driver_loop, "time", SimpleNamespace(monotonic=lambda: now, time=time.time))
        for _ in range(49):
            sweep.loop.tick()
            now += step
        assert len(looks) == 4

    def test_a_request_for_the_whole_sweep_interrupts_it(self, sweep: Any) -> None:
        leave_request(sweep.folder, StopRequest(None, "stopped by hand"))
        with pytest.raises(Interrupted, match="stopped by hand"):
            sweep.loop.tick()

    def test_of_earlier_requests_only_trial_stops_count(self, sweep: Any) -> None:
        sweep.folder.ledger.touch()
        leave_request(sweep.folder, StopRequest(None, "yesterday"))
        leave_request(sweep.folder, StopRequest("t0001", "too long"))
        assert take_trial_stops(requests_to_earlier_driver(sweep.folder)) == [
            StopRequest("t0001", "too long")
        ]
        assert requests_to_earlier_driver(sweep.folder) == []

    def test_requests_to_a_running_driver_stay(self, sweep: Any) -> None:
        leave_request(sweep.folder, StopRequest("t0001", "too long"))
        with Ledger(sweep.folder.ledger):
            assert requests_to_earlier_driver(sweep.folder) == []
        assert take_trial_stops(requests_to_earlier_driver(sweep.folder)) == [
            StopRequest("t0001", "too long")
        ]

    def test_a_new_sweep_has_no_earlier_requests(self, tmp_path: Path) -> None:
        assert requests_to_earlier_driver(SweepFolder(tmp_path / "new")) == []


class TestRequestsOutsideOfTheLoop:
    """A driver that replays a long ledger or waits for a tracker does not look for requests itself."""

    def test_a_request_interrupts_long_work(self, tmp_path: Path) -> None:
        folder, began = SweepFolder(tmp_path), time.monotonic()
        leave_request(folder, StopRequest("t0001", "too long"))
        with interrupts() as caught, interrupted_by_requests(folder, caught, earlier=()):
            leave_request(folder, StopRequest(None, "stopped by hand"))
            with pytest.raises(Interrupted, match="stopped by hand"), caught.at_once():
                time.sleep(20)
        assert time.monotonic() - began < 5
        assert [request.trial_id for request in take_requests(folder)] == ["t0001"], (
            "that one is for the loop"
        )

    def test_a_request_in_a_loop_raises_at_its_next_turn(self, tmp_path: Path) -> None:
        folder = SweepFolder(tmp_path)
        with interrupts() as caught, interrupted_by_requests(folder, caught, earlier=()):
            leave_request(folder, StopRequest(None, "stopped by hand"))
            wait_until(lambda: not waiting_requests(folder))
            time.sleep(0.1)
            with pytest.raises(Interrupted, match="stopped by hand"):
                caught.check()

    def test_requests_to_an_earlier_driver_interrupt_nobody(self, tmp_path: Path) -> None:
        folder = SweepFolder(tmp_path)
        earlier = [leave_request(folder, StopRequest(None, "yesterday"))]
        try:
            with interrupts() as caught, interrupted_by_requests(folder, caught, earlier):
                time.sleep(3 * driver_loop.REQUEST_INTERVAL_S)
                caught.check()
        except Interrupted as error:
            pytest.fail(f"interrupted: {error}")

    def test_a_sweep_in_another_thread_is_asked_without_a_signal(self, tmp_path: Path) -> None:
        folder, ends = SweepFolder(tmp_path), []

        def drive() -> None:
            with interrupts() as caught, interrupted_by_requests(folder, caught, earlier=()):
                leave_request(folder, StopRequest(None, "stopped by hand"))
                wait_until(lambda: not waiting_requests(folder))
                time.sleep(0.1)
                try:
                    caught.check()
                except Interrupted as end:
                    ends.append(str(end))

        thread = threading.Thread(target=drive)
        thread.start()
        thread.join(20)
        assert ends == ["stopped by hand"]


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_importing_the_driver_loads_no_ray_torch_or_mlflow() -> None:
    script = (
        "import sys, ratefront.orchestrate.sweep_driver;"
        "print([name for name in ('ray', 'torch', 'mlflow') if name in sys.modules])"
    )
    printed = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert printed.stdout.strip() == "[]"
