"""The demo's sweep, shortened, from the command line: killed, resumed, and every trial is there once."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from ratefront.bounds import below_oracle
from ratefront.history.sweep_history import SweepHistory
from ratefront.store.ledger.ledger_file import read_entries
from ratefront.store.sweep_folder import SweepFolder
from ratefront.trial.receiver import decode_file

pytestmark = pytest.mark.slow

DIGITS = Path(__file__).parents[2] / "sweeps" / "digits.yaml"
TRIALS = 10
SHORT = ["--trials", str(TRIALS), "--set", "training.epochs=8", "--set", "sampler.startup_trials=6"]


def _sweep(folder: Path, *more: str) -> subprocess.Popen[str]:
    program = "from ratefront.cli import main; main()"
    command = [sys.executable, "-c", program, "sweep", str(DIGITS), *SHORT, "--out", str(folder), *more]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def _ends(folder: SweepFolder) -> int:
    history = SweepHistory.of(read_entries(folder.ledger)) if folder.ledger.exists() else SweepHistory()
    return len(history.with_status("finished", "collapsed"))


def _wait_for_ends(folder: SweepFolder, ends: int, driver: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline and driver.poll() is None:
        if _ends(folder) >= ends:
            return
        time.sleep(0.1)
    pytest.fail(f"the driver did not get to {ends} trials: {driver.communicate(timeout=30)}")


@pytest.fixture(scope="module")
def resumed(tmp_path_factory: pytest.TempPathFactory) -> SweepFolder:
    """A sweep whose driver was killed with SIGKILL after three trials, and then resumed to its end."""
    folder = SweepFolder(tmp_path_factory.mktemp("runs") / "digits")
    with _sweep(folder.path) as driver:
        _wait_for_ends(folder, 3, driver)
        os.kill(driver.pid, signal.SIGKILL)
    assert 3 <= _ends(folder) < TRIALS
    with _sweep(folder.path, "--resume") as again:
        stdout, stderr = again.communicate(timeout=600)
    assert again.returncode == 0, stderr
    assert stdout.splitlines()[-1] == str(folder.path)
    return folder


def _rows(folder: SweepFolder) -> list[dict[str, str]]:
    with folder.trials_csv.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_each_trial_once_in_the_table(resumed: SweepFolder) -> None:
    assert [row["trial_id"] for row in _rows(resumed)] == [f"t{number:04d}" for number in range(TRIALS)]


def test_each_trial_once_in_mlflow_and_none_running(resumed: SweepFolder) -> None:
    from mlflow.tracking import MlflowClient

    from ratefront.tracking.tracking_uri import default_uri

    client = MlflowClient(default_uri(resumed.path))
    (experiment,) = [e for e in client.search_experiments() if e.name == "ratefront"]
    runs = client.search_runs([experiment.experiment_id], max_results=1000)
    children = [run for run in runs if "mlflow.parentRunId" in run.data.tags]
    parents = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    assert (len(parents), len(children)) == (1, TRIALS)
    assert {run.info.status for run in runs} == {"FINISHED"}
    artifacts = {item.path for item in client.list_artifacts(parents[0].info.run_id)}
    assert {"report.html", "front.png", "front.csv", "trials.csv", "summary.json"} <= artifacts


def test_the_counts_of_the_summary_add_up(resumed: SweepFolder) -> None:
    summary = json.loads(resumed.summary.read_text())
    counted = Counter(row["status"] for row in _rows(resumed))
    for status in ("finished", "pruned", "stopped", "collapsed", "failed"):
        assert summary[f"trials_{status}"] == counted[status]
    assert summary["trials_requested"] == TRIALS == sum(counted.values())
    assert summary["trials_failed"] == 0
    assert 0 < summary["hypervolume_rate_accuracy"] < 1


def test_every_stream_decodes_to_its_samples_above_the_oracle(resumed: SweepFolder) -> None:
    for row in _rows(resumed):
        files = resumed.trial(row["trial_id"])
        samples = np.load(files.samples, allow_pickle=False)
        decoded = decode_file(files.codec_config, files.codec_weights, files.stream)
        np.testing.assert_array_equal(decoded, samples["decoded"])
        rate_bits = float(row["rate_bits"])
        assert rate_bits <= 1.02 * float(row["rate_bits_estimated"]) + 64 / len(decoded)
        by_position = bool(row["share"])
        assert (
            below_oracle(samples["labels"], decoded, rate_bits, 10, draws_or_uses_position=by_position)
            is None
        )


def test_the_environment_and_the_spec_are_kept(resumed: SweepFolder) -> None:
    environment = json.loads(resumed.environment.read_text())
    assert "git" in json.dumps(environment)
    assert "torch" in json.dumps(environment)
    assert "sampler" in resumed.spec.read_text()


def test_another_spec_is_not_resumed(resumed: SweepFolder) -> None:
    with _sweep(resumed.path, "--resume", "--set", "block_size=10") as driver:
        _, stderr = driver.communicate(timeout=120)
    assert driver.returncode == 2
    assert "block_size" in stderr


def test_a_new_sweep_refuses_the_folder_of_another(resumed: SweepFolder) -> None:
    with _sweep(resumed.path) as driver:
        _, stderr = driver.communicate(timeout=120)
    assert driver.returncode == 2
    assert "--resume" in stderr
