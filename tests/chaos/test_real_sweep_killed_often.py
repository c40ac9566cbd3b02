"""The demo's sweep, shortened, whose driver is killed again and again (``make chaos``)."""

from __future__ import annotations

import csv
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from ratefront.events import Resumed
from ratefront.store.folder import SweepFolder
from ratefront.store.ledger import read_entries

pytestmark = pytest.mark.chaos

DIGITS = Path(__file__).parents[2] / "sweeps" / "digits.yaml"
TRIALS, KILLS = 24, 6


def _driver(folder: Path, *, resume: bool) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", "from ratefront.cli import main; main()", "sweep", str(DIGITS)]
    settings = ["--trials", str(TRIALS), "--set", "training.epochs=8", "--out", str(folder)]
    more = ["--resume"] if resume else []
    return subprocess.Popen(
        [*command, *settings, *more], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.mark.parametrize("seed", range(2))
def test_every_trial_once_however_often_the_driver_dies(tmp_path: Path, seed: int) -> None:
    folder, moments = SweepFolder(tmp_path / "runs" / "digits"), random.Random(seed)
    for kill in range(KILLS):
        with _driver(folder.path, resume=kill > 0) as driver:
            _let_run(folder, driver, moments.uniform(0, 2))
            print(f"kill {kill}: {dict(_counted(folder))}")
            os.kill(driver.pid, signal.SIGKILL)
    with _driver(folder.path, resume=True) as driver:
        _, stderr = driver.communicate(timeout=900)
    assert driver.returncode == 0, stderr
    with folder.trials_csv.open(newline="") as stream:
        assert [row["trial_id"] for row in csv.DictReader(stream)] == [f"t{n:04d}" for n in range(TRIALS)]
    _assert_mlflow_has_each_once(folder)


def _let_run(folder: SweepFolder, driver: subprocess.Popen[str], seconds: float) -> None:
    """Until another trial has ended since this driver began, and then for a while."""
    before = _ended(folder)
    while driver.poll() is None and _ended(folder) <= before:
        time.sleep(0.05)
    assert driver.poll() is None, driver.communicate()
    time.sleep(seconds)


def _counted(folder: SweepFolder) -> Counter[str]:
    entries = read_entries(folder.ledger) if folder.ledger.exists() else ()
    return Counter(type(entry.event).__name__ for entry in entries)


def _ended(folder: SweepFolder) -> int:
    return _counted(folder)["Finished"]


def _assert_mlflow_has_each_once(folder: SweepFolder) -> None:
    from mlflow.tracking import MlflowClient

    from ratefront.tracking.uri import default_uri

    assert sum(isinstance(entry.event, Resumed) for entry in read_entries(folder.ledger)) >= KILLS - 1
    client = MlflowClient(default_uri(folder.path))
    (experiment,) = [e for e in client.search_experiments() if e.name == "ratefront"]
    runs = client.search_runs([experiment.experiment_id], max_results=1000)
    assert len(runs) == TRIALS + 1
    assert {run.info.status for run in runs} == {"FINISHED"}
