"""A driver that dies or is asked to end, and the one that goes on from its ledger. Real processes."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.builders import FakeSweep
from tests.orchestrate.driver_processes import Driver

from ratefront.errors import LedgerLockedError
from ratefront.history.events import Created, Failed, Finished, Halted, Planned, Reported, Resumed, Started
from ratefront.history.sweep_history import SweepHistory
from ratefront.spec.load_spec import to_plain
from ratefront.store.ledger.ledger_file import Ledger, read_entries
from ratefront.store.ledger.stop_requests import StopRequest, leave_request
from ratefront.store.sweep_folder import SweepFolder

pytestmark = pytest.mark.slow

TRIALS = 8
ASKING = [signal.SIGINT, signal.SIGTERM, signal.SIGUSR1]

#: From a signal to the end of the process, on a busy machine; an orderly end of Ray takes 1.5 s of it.
SOON_S = 12.0


@pytest.fixture
def driver(tmp_path: Path) -> Iterator[Callable[..., Driver]]:
    """Start a driver on one folder; at the end nothing of it is left, however it ended."""
    with ExitStack() as stack:
        yield lambda *more, **settings: stack.enter_context(
            closing(Driver(tmp_path / "sweep", *more, **settings))
        )


def events_of(folder: Path) -> list[Any]:
    ledger = folder / "ledger.jsonl"
    return [entry.event for entry in read_entries(ledger)] if ledger.exists() else []


def ended(folder: Path) -> Counter[str]:
    return Counter(
        event.trial_id
        for event in events_of(folder)
        if isinstance(event, Finished) or (isinstance(event, Failed) and event.final)
    )


def assert_each_trial_once(folder: Path) -> None:
    assert ended(folder) == Counter({f"t{number:04d}": 1 for number in range(TRIALS)})
    events = events_of(folder)
    assert sum(isinstance(event, Planned) for event in events) == TRIALS
    assert sum(isinstance(event, Resumed) for event in events) == 1
    started: set[tuple[str, int]] = set()
    for event in events:
        if isinstance(event, Started):
            assert (event.trial_id, event.attempt) not in started
            started.add((event.trial_id, event.attempt))


@pytest.mark.parametrize("number", [signal.SIGKILL, *ASKING])
def test_a_sweep_resumes_from_its_ledger(driver: Callable[..., Driver], number: signal.Signals) -> None:
    first = driver()
    folder = first.folder
    first.wait_until(lambda: len(ended(folder)) >= 3)
    with pytest.raises(LedgerLockedError, match=rf"process {first.process.pid} on \S+ since 20"):
        Ledger(folder / "ledger.jsonl")
    code, output, took_s = first.send(number)
    assert code == (-signal.SIGKILL if number == signal.SIGKILL else 130), output
    assert took_s < SOON_S
    assert 3 <= len(ended(folder)) < TRIALS
    first.close()

    code, output = driver("resume").outcome()
    assert (code, output) == (0, ""), "and nothing is printed"
    assert_each_trial_once(folder)


def test_a_stop_request_ends_a_sweep_like_a_signal(driver: Callable[..., Driver]) -> None:
    first = driver()
    first.wait_until(lambda: len(ended(first.folder)) >= 1)
    leave_request(SweepFolder(first.folder), StopRequest(None, "stopped by hand"))
    assert first.outcome() == (130, "")
    leave_request(SweepFolder(first.folder), StopRequest(None, "too late: no driver runs"))
    code, output = driver("resume").outcome()
    assert (code, output) == (0, "")
    assert_each_trial_once(first.folder)


@pytest.mark.parametrize("number", ASKING)
@pytest.mark.parametrize("process", ["gcs_server", "raylet/raylet"])
def test_a_signal_during_the_clusters_start_ends_the_driver(
    driver: Callable[..., Driver], number: signal.Signals, process: str
) -> None:
    first = driver()
    first.wait_until(lambda: first.runs(process))
    code, output, took_s = first.send(number)
    assert code == 130, output
    assert took_s < SOON_S
    assert not first.folder.exists(), "nothing had started"


def test_a_driver_killed_during_the_clusters_start_leaves_nothing(driver: Callable[..., Driver]) -> None:
    first = driver()
    first.wait_until(lambda: first.runs("Agent"))
    first.send(signal.SIGKILL)


def test_a_signal_during_task_model_training_ends_the_driver(driver: Callable[..., Driver]) -> None:
    first = driver("long")
    first.wait_until(lambda: first.runs("ray::_call"))
    code, output, took_s = first.send(signal.SIGUSR1)
    assert code == 130, output
    assert took_s < SOON_S
    assert [type(event) for event in events_of(first.folder)] == [Created, Halted]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_signal_does_not_wait_for_a_long_epoch(
    driver: Callable[..., Driver], number: signal.Signals
) -> None:
    first = driver("merged=15")
    first.wait_until(first.folder.exists)
    (first.folder / "long").touch()
    first.wait_until(lambda: any(isinstance(event, Reported) for event in events_of(first.folder)))
    _, output, took_s = first.send(number)
    assert took_s < SOON_S, output


@pytest.mark.parametrize("number", ASKING)
def test_a_signal_during_the_last_drawing_ends_the_driver(
    driver: Callable[..., Driver], fake: SimpleNamespace, tmp_path: Path, number: signal.Signals
) -> None:
    FakeSweep(tmp_path / "sweep", to_plain(fake.loaded(TRIALS, (2, 3, 7, 8, 9)).spec)).end()
    before = (tmp_path / "sweep" / "ledger.jsonl").read_bytes()
    first = driver("resume", "draws")
    first.wait_until((tmp_path / "sweep" / "drawing").exists)
    code, output, took_s = first.send(number)
    assert code == 130, output
    assert took_s < 3
    assert (tmp_path / "sweep" / "ledger.jsonl").read_bytes() == before
    assert SweepHistory.of(read_entries(tmp_path / "sweep" / "ledger.jsonl")).ended
