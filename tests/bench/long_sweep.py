"""A sweep of 10 000 trials × 20 reports that goes on: its status, its start, its memory, and how soon it stops.

    python tests/bench/long_sweep.py FOLDER TRIALS

writes such a sweep. Nothing of it is in the tracker (MLflow on SQLite), which is therefore far behind: each driver
begins with an empty store. The driver is the command ``ratefront sweep --extend`` with empty trials.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from long_sweep_driver import PEAK
from timing import Figures, VoidBenchmarkError, note, seconds_of
from written_sweep import LedgerFile, finish, new_folder, report, trial_id

from ratefront.engine.search.first_trials import spread_trial
from ratefront.history import events
from ratefront.history.events import Ended, Event, Extended, Started
from ratefront.spec.load_spec import load_spec, to_plain
from ratefront.store.ledger.driver_lock import driver_of
from ratefront.store.ledger.ledger_file import LedgerReader
from ratefront.store.sweep_folder import SweepFolder

HERE = Path(__file__).parent
TRIALS, REPORTS, MORE = 10_000, 20, 40
METRICS = (
    "loss",
    "rate_bits_estimated",
    "accuracy",
    "system/process_cpu_utilization_percentage",
    "system/process_memory_usage_megabytes",
    "system/process_memory_peak_megabytes",
)
LONGEST_S = 600.0


def measure() -> Figures:
    """Measure all figures of a long sweep."""
    with tempfile.TemporaryDirectory(prefix="ratefront-bench-") as temporary:
        folder = write_long_sweep(Path(temporary) / "long", TRIALS)
        yield "long_sweep_status", seconds_of(lambda: _status(folder))
        stops, peaks = [], []
        for name, moment in MOMENTS.items():
            driver = Driver(folder, Path(temporary) / f"{name}.db")
            took_s = driver.wait_until(moment)
            if name == "running":
                yield "long_sweep_start", took_s
            stops.append(driver.stop())
            peaks.append(driver.peak_bytes)
            note(
                f"stopped while {name}, {took_s:.1f} s after the command: {stops[-1]:.1f} s, "
                f"{peaks[-1] / 1e6:.0f} MB"
            )
        yield "long_sweep_stop", max(stops)
        yield "long_sweep_memory", max(peaks) / 1e6


def write_long_sweep(path: Path, trials: int) -> SweepFolder:
    """Write the sweep of ``sweeps/digits.yaml`` with this many finished trials."""
    loaded = load_spec(HERE.parents[1] / "sweeps" / "digits.yaml", {"trials": trials})
    folder = new_folder(path)
    ledger = LedgerFile(folder)
    ledger.append(
        [
            events.Created(loaded.spec.name, to_plain(loaded.spec), "0", events.LEDGER_FORMAT),
            events.TaskModelReady("none", 0.75, 0.74, 100_000),
        ]
    )
    for number in range(trials):
        name, values = trial_id(number), spread_trial(loaded.space, 1, number)
        begin = [events.Planned(name, number, number, values), events.Started(name, 1, "worker")]
        ledger.append(
            [*begin, *(report(number, step, METRICS) for step in range(1, REPORTS + 1)), finish(number)]
        )
    ledger.append([Ended("every requested trial has ended")])
    return folder


class Driver:
    """The command that extends a sweep, in a process of its own; it tracks to an empty store."""

    def __init__(self, folder: SweepFolder, store: Path) -> None:
        self.folder, self._events = folder, list[Event]()
        self._reader = LedgerReader(folder.ledger)
        for _ in self._reader.read_new():
            pass  # of earlier drivers
        self._began = time.monotonic()
        more = ("--extend", str(MORE), "--tracking-uri", f"sqlite:///{store}")
        self._process = subprocess.Popen(
            _arguments("sweep", "--out", str(folder.path), *more),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=HERE,
            env=_environment(),
        )
        self.peak_bytes = 0

    def wait_until(self, moment: Callable[[Driver], bool]) -> float:
        """Return how many seconds after the command it came."""
        while not moment(self):
            if self._process.poll() is not None or time.monotonic() - self._began > LONGEST_S:
                self._process.kill()
                raise VoidBenchmarkError(f"the driver did not get that far: {self._process.communicate()[0]}")
            time.sleep(0.02)
        return time.monotonic() - self._began

    def has(self, kind: type[Event]) -> bool:
        """Whether it has written such an event."""
        self._events += [entry.event for entry in self._reader.read_new()]
        return any(isinstance(event, kind) for event in self._events)

    def stop(self) -> float:
        """Stop it as a person does, and return how many seconds its process lived on after the command began."""
        began = time.monotonic()
        command = subprocess.Popen(_command("stop", str(self.folder.path)), env=_environment())
        output, _ = self._process.communicate(timeout=LONGEST_S)
        took_s = time.monotonic() - began
        if command.wait(LONGEST_S):
            raise VoidBenchmarkError("`ratefront stop` failed")
        if self._process.returncode != 130:
            raise VoidBenchmarkError(
                f"the driver was to end with 130, not {self._process.returncode}: {output}"
            )
        told = next(line for line in output.splitlines() if line.startswith(PEAK))
        self.peak_bytes = int(told.removeprefix(PEAK))
        return took_s


MOMENTS: dict[str, Callable[[Driver], bool]] = {
    "reading the ledger": lambda driver: driver_of(driver.folder) is not None,
    "opening the sweep": lambda driver: driver.has(Extended),
    "running": lambda driver: driver.has(Started),
    "delivering": lambda driver: driver.has(Ended) and driver.folder.report.exists(),
}


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-c", "from ratefront.cli import main; main()", *arguments]


def _status(folder: SweepFolder) -> None:
    command = _command("status", str(folder.path))
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=_environment())


def _arguments(*arguments: str) -> list[str]:
    return [sys.executable, "-W", "ignore", str(HERE / "long_sweep_driver.py"), *arguments]


def _environment() -> dict[str, str]:
    """Return this environment with the empty trial's folder, and without what this process set for MLflow."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
    paths = filter(None, (plain.get("PYTHONPATH"), str(HERE)))
    return {**plain, "PYTHONPATH": os.pathsep.join(paths)}


if __name__ == "__main__":
    write_long_sweep(Path(sys.argv[1]), int(sys.argv[2]))
