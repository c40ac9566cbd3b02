"""Real sweeps of the digits, shortened, from the command line; their processes, and how to kill one of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import psutil
import pytest
from tests.processes import Marked

from ratefront.history.sweep_history import SweepHistory, TrialHistory
from ratefront.store.ledger.ledger_file import read_entries
from ratefront.store.sweep_folder import SweepFolder

DIGITS = Path(__file__).parents[2] / "sweeps" / "digits.yaml"

#: One slot: what is suggested then follows from the seed alone, and so does the front.
SHORT = [
    "--set",
    "training.epochs=40",
    "--set",
    "sampler.startup_trials=6",
    "--set",
    "resources.concurrent=1",
]

#: Ray's own agents may outlive a cluster that was killed for a moment.
GONE_WITHIN_S = 30.0


@dataclass
class DriverProcess:
    """One ``ratefront`` process."""

    process: subprocess.Popen[str]

    def running(self) -> bool:
        return self.process.poll() is None

    def kill(self) -> None:
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.communicate()

    def end(self, timeout_s: float = 900) -> tuple[int, str]:
        """Return the exit code and what was printed on standard error."""
        _, errors = self.process.communicate(timeout=timeout_s)
        return self.process.returncode, errors

    def actors(self) -> list[psutil.Process]:
        """The processes that run trials."""
        try:
            family = psutil.Process(self.process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []
        return [process for process in family if _title(process).startswith("ray::TrialActor")]


def _title(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return ""


@dataclass
class RealSweep:
    """A sweep's folder, its drivers one after another, and the moments at which something was killed."""

    folder: SweepFolder
    trials: int
    seed: int = 0
    environment: dict[str, str] = field(default_factory=dict)
    marked: Marked = field(default_factory=Marked)

    @contextmanager
    def driver(self, *more: str) -> Iterator[DriverProcess]:
        program = "from ratefront.cli import main; main()"
        command = [sys.executable, "-c", program, "sweep", str(DIGITS), *SHORT, "--trials", str(self.trials)]
        process = subprocess.Popen(
            [*command, "--out", str(self.folder.path), *more],
            env=os.environ | self.marked.environment | self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        driver = DriverProcess(process)
        try:
            yield driver
        finally:
            if driver.running():
                driver.kill()

    def resumed(self) -> tuple[int, str]:
        """Run the last driver, undisturbed."""
        with self.driver("--resume") as driver:
            return driver.end()

    @property
    def history(self) -> SweepHistory:
        entries = read_entries(self.folder.ledger) if self.folder.ledger.exists() else ()
        return SweepHistory.of(entries)

    def wait(
        self, driver: DriverProcess, until: Callable[[SweepHistory], bool], timeout_s: float = 300
    ) -> None:
        """Wait until the ledger fulfils a condition; the driver must live that long."""
        deadline = time.monotonic() + timeout_s
        while not until(self.history):
            assert driver.running(), driver.end()
            assert time.monotonic() < deadline, f"not within {timeout_s} s: {self.moment()}"
            time.sleep(0.05)

    def moment(self) -> str:
        history = self.history
        running = ", ".join(f"{t.params.trial_id} at step {t.step}" for t in history.with_status("running"))
        return f"{history.trials_ended} of {self.trials} ended, running: {running or 'none'}"

    def assert_nothing_left(self) -> None:
        """No process of the sweep is left behind."""
        self.marked.assert_none_left(GONE_WITHIN_S)

    def close(self) -> None:
        self.marked.close(GONE_WITHIN_S)


class ProgressSince:
    """Tells whether the sweep has got further (an ended trial or a step) and a trial is in the middle of its epochs.

    On a fast machine, too, what is killed then is not the end of the sweep.
    """

    def __init__(self, history: SweepHistory) -> None:
        self._before = self._mark(history)

    @staticmethod
    def _mark(history: SweepHistory) -> tuple[int, int]:
        running = history.with_status("running")
        return history.trials_ended, sum(max(t.step, t.furthest_step) for t in running)

    def __call__(self, history: SweepHistory) -> bool:
        is_further = history.trials_ended >= 1 and self._mark(history) > self._before
        return is_further and training(history) is not None


def training(history: SweepHistory) -> TrialHistory | None:
    """A trial that is in the middle of its epochs, if one is."""
    running = [trial for trial in history.with_status("running") if trial.step >= 2]
    return running[0] if running else None


def worker_of(driver: DriverProcess) -> psutil.Process:
    """Return the one process that runs trials, as soon as it is there."""
    deadline = time.monotonic() + 60
    while not (actors := driver.actors()):
        if time.monotonic() > deadline:
            pytest.fail("no worker within a minute")
        time.sleep(0.05)
    return actors[0]


def pause(random: Random, most_s: float) -> None:
    time.sleep(random.uniform(0.0, most_s))
