"""A real sweep, watched and stopped by commands from outside. Slow, since it starts Ray three times."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from ratefront.store.sweep_folder import SweepFolder

pytestmark = pytest.mark.slow

DIGITS = Path(__file__).parents[2] / "sweeps" / "digits.yaml"
SPACE = "space.family={split: {split: conv3, entropy_model: {categorical: {width: 2, alphabet: 8}}, beta: [40, 60]}}"
PROGRAM = [sys.executable, "-c", "from ratefront.cli import main; main()"]


def command(*words: str | Path, code: int = 0) -> str:
    done = subprocess.run(
        [*PROGRAM, *map(str, words)], capture_output=True, text=True, check=False, timeout=400
    )
    assert done.returncode == code, (words, done.stdout, done.stderr)
    return done.stdout


def status(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(command("status", folder, "--json"))
    return found


def _when(folder: Path, holds: Any) -> dict[str, Any]:
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline:
        if SweepFolder(folder).ledger.exists() and holds(found := status(folder)):
            return found
        time.sleep(0.2)
    pytest.fail("it never came to that")


def test_a_sweep_is_watched_stopped_extended_cleaned_and_reproduced(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    settings = [
        "--trials",
        "3",
        "--set",
        "training.epochs=60",
        "--set",
        "resources.concurrent=1",
        "--set",
        SPACE,
    ]
    driver = subprocess.Popen(
        [*PROGRAM, "sweep", str(DIGITS), *settings, "--out", str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"COLUMNS": "200"},
    )
    try:
        found = _when(folder, lambda status: any(trial["step"] >= 1 for trial in status["running_trials"]))
        assert f"process {driver.pid} " in found["driver"]
        (running,) = found["running_trials"]
        command("stop", folder, "--trial", running["trial_id"])
        assert status(folder)["stopped"] == 1
        _when(folder, lambda status: any(trial["step"] >= 1 for trial in status["running_trials"]))
        command("stop", folder)
        output, errors = driver.communicate(timeout=60)
    finally:
        driver.kill()
    assert driver.returncode == 130, (output, errors)
    assert errors.rstrip().endswith(f"ratefront sweep --out {folder} --resume")
    found = status(folder)
    assert (found["state"], found["stopped"], found["running"], found["planned"]) == ("interrupted", 1, 0, 1)

    assert command("sweep", "--out", folder, "--extend", "1").splitlines()[-1] == str(folder)
    found = status(folder)
    assert (found["state"], found["trials_requested"], found["finished"] + found["collapsed"]) == (
        "ended",
        4,
        3,
    )
    with SweepFolder(folder).trials_csv.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["reason"] for row in rows if row["status"] == "stopped"] == ["stopped by hand"]

    again = next(row["trial_id"] for row in rows if row["status"] == "finished")
    record = json.loads(command("reproduce", folder, again))
    assert record["trial_id"] == again
    command("clean", folder, "--keep", "none")
    assert not list(SweepFolder(folder).trials.glob("*/stream.bin"))
    command("sweep", "--out", folder, "--retry-failed")
    assert status(folder)["finished"] == found["finished"]
