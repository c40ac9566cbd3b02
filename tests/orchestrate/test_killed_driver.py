"""A driver that dies or is asked to end, and the one that goes on from its ledger. Real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from uuid import uuid4

import pytest

from ratefront.errors import LedgerLockedError
from ratefront.events import Failed, Finished, Planned, Resumed, Started
from ratefront.store.ledger import Ledger, LedgerReader, read_entries

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent
TRIALS = 8


class Driver:
    """A driver in a process of its own; all that it starts carries ``mark`` in its environment."""

    def __init__(self, folder: Path, how: str, mark: str) -> None:
        environment = os.environ | {
            "PYTHONPATH": str(HERE),
            "FAKE_STEP_S": "0.3",
            "SWEEP_MARK": mark,
            "PYTHONWARNINGS": "ignore",
        }
        command = [sys.executable, str(HERE / "sweep_process.py"), str(folder), str(TRIALS), how]
        self.process = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def wait_for_ends(self, folder: Path, ends: int) -> None:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            assert self.process.poll() is None, self.process.communicate()[0]
            if (folder / "ledger.jsonl").exists() and len(ended(folder)) >= ends:
                return
            time.sleep(0.05)
        pytest.fail("the driver did not get that far")

    def outcome(self) -> tuple[int, str]:
        said, _ = self.process.communicate(timeout=180)
        return self.process.returncode, said


def ended(folder: Path) -> Counter[str]:
    entries = LedgerReader(folder / "ledger.jsonl").read_new()
    return Counter(
        entry.event.trial_id
        for entry in entries
        if isinstance(entry.event, Finished) or (isinstance(entry.event, Failed) and entry.event.final)
    )


def left_behind(mark: str) -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if f"SWEEP_MARK={mark}".encode() in (path / "environ").read_bytes():
                found.append((path / "cmdline").read_bytes().replace(b"\0", b" ").decode()[:80])
        except OSError:
            continue
    return found


def assert_nothing_left(mark: str, within_s: float = 100) -> None:
    """Ray's own agents look for a dead cluster for up to 60 s before they end themselves."""
    deadline = time.monotonic() + within_s
    while (found := left_behind(mark)) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert found == []


def assert_each_trial_once(folder: Path) -> None:
    assert ended(folder) == Counter({f"t{number:04d}": 1 for number in range(TRIALS)})
    events = [entry.event for entry in read_entries(folder / "ledger.jsonl")]
    assert sum(isinstance(event, Planned) for event in events) == TRIALS
    assert sum(isinstance(event, Resumed) for event in events) == 1
    seen: set[tuple[str, int]] = set()
    for event in events:
        if isinstance(event, Started):
            assert (event.trial_id, event.attempt) not in seen
            seen.add((event.trial_id, event.attempt))


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_sweep_goes_on_from_its_ledger(tmp_path: Path, number: signal.Signals) -> None:
    folder, mark = tmp_path / "sweep", uuid4().hex
    first = Driver(folder, "new", mark)
    first.wait_for_ends(folder, 3)
    with pytest.raises(LedgerLockedError, match=f"process {first.process.pid} "):
        Ledger(folder / "ledger.jsonl")
    first.process.send_signal(number)
    code, said = first.outcome()
    assert code == (-signal.SIGKILL if number == signal.SIGKILL else 130), said
    assert 3 <= len(ended(folder)) < TRIALS
    assert_nothing_left(mark)

    second = Driver(folder, "resume", mark)
    code, said = second.outcome()
    assert (code, said) == (0, ""), "and nothing is printed"
    assert_each_trial_once(folder)
    assert_nothing_left(mark)
