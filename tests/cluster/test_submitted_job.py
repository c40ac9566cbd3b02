"""A sweep as a job of a cluster: ``ray job submit``, with its trials in an MLflow server on PostgreSQL."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.cluster.ray_nodes import RAY, RayNodes
from tests.tracking.mlflow_servers import MlflowServer, Postgres

from ratefront.history.sweep_history import SweepHistory
from ratefront.store.ledger.ledger_file import read_entries
from ratefront.store.sweep_folder import SweepFolder

pytestmark = pytest.mark.slow

NODES = ("127.0.0.3", "127.0.0.4")
DIGITS = Path(__file__).parents[2] / "sweeps" / "digits.yaml"
PROGRAM = "from ratefront.cli import main; main()"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[MlflowServer]:
    postgres = Postgres()
    try:
        with MlflowServer(postgres.uri(), tmp_path / "mlflow") as server:
            yield server
    finally:
        postgres.remove()


def test_a_job_runs_a_sweep_and_an_mlflow_server_shows_it(server: MlflowServer, tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "digits"
    with closing(RayNodes()) as nodes:
        nodes.start_head(takes_jobs=True)
        for host in NODES:
            nodes.add(host)
        answer = _submit(nodes, folder, server.uri)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    ledger = SweepFolder(folder).ledger
    history = SweepHistory.of(read_entries(ledger))
    assert (history.trials_ended, history.counts["failed"]) == (4, 0)
    assert _statuses_in_mlflow(server.uri) == ["FINISHED"] * 5
    assert nodes.token not in answer.stdout + answer.stderr
    assert all(nodes.token not in file.read_text(errors="replace") for file in folder.rglob("*.json*"))


def _submit(nodes: RayNodes, folder: Path, tracking_uri: str) -> subprocess.CompletedProcess[str]:
    changes = {"task_model.epochs": 3, "training.epochs": 2, "trials": 4}
    words = [word for key, value in changes.items() for word in ("--set", f"{key}={value}")]
    driver = [sys.executable, "-c", PROGRAM, "sweep", str(DIGITS), *words, "--out", str(folder)]
    return subprocess.run(
        [*RAY, "job", "submit", "--address", nodes.dashboard, "--", *driver, "--tracking-uri", tracking_uri],
        env=os.environ | nodes.secret,
        capture_output=True,
        text=True,
        timeout=240,
    )


def _statuses_in_mlflow(uri: str) -> list[str]:
    from mlflow import MlflowClient

    client = MlflowClient(uri)
    (experiment,) = [e for e in client.search_experiments() if e.name != "Default"]
    return [run.info.status for run in client.search_runs([experiment.experiment_id])]
