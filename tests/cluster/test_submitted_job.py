"""A sweep as a job of a cluster: ``ray job submit``, with its trials in an MLflow server on PostgreSQL."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.cluster.ray_nodes import (
    DIGITS,
    METRIC,
    METRIC_NAME,
    RATEFRONT,
    RAY,
    RayNodes,
    python_path,
    skip_unless_hiding_works,
    without,
)
from tests.tracking.mlflow_servers import MlflowServer, Postgres

from ratefront.history.sweep_history import SweepHistory
from ratefront.store.ledger.ledger_file import read_entries
from ratefront.store.sweep_folder import SweepFolder

pytestmark = pytest.mark.slow

NODES = ("127.0.0.3", "127.0.0.4")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[MlflowServer]:
    postgres = Postgres()
    try:
        with MlflowServer(postgres.uri(), tmp_path / "mlflow") as server:
            yield server
    finally:
        postgres.remove()


def test_a_job_runs_a_sweep_and_an_mlflow_server_shows_it(server: MlflowServer, tmp_path: Path) -> None:
    """The sweep has a metric of the user's own, which one of the nodes does not see."""
    skip_unless_hiding_works()
    folder, own = tmp_path / "runs" / "digits", tmp_path / "own"
    own.mkdir()
    (own / "own_metric.py").write_text(METRIC)
    with closing(RayNodes()) as nodes:
        nodes.start_head(takes_jobs=True)
        nodes.add(NODES[0])
        nodes.add(NODES[1], inside=without(own))
        answer = _submit(nodes, folder, server.uri, own)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    ledger = SweepFolder(folder).ledger
    history = SweepHistory.of(read_entries(ledger))
    assert (history.trials_ended, history.counts["failed"]) == (4, 0)
    measured = [trial.result.test.metrics for trial in history.trials.values() if trial.result is not None]
    assert [METRIC_NAME in metrics for metrics in measured] == [True] * 4
    assert _statuses_in_mlflow(server.uri) == ["FINISHED"] * 5
    assert nodes.token not in answer.stdout + answer.stderr
    assert all(nodes.token not in file.read_text(errors="replace") for file in folder.rglob("*.json*"))


def _submit(nodes: RayNodes, folder: Path, tracking_uri: str, own: Path) -> subprocess.CompletedProcess[str]:
    metrics = f"[own_metric:{METRIC_NAME}]"
    changes = {"task_model.epochs": 3, "training.epochs": 2, "trials": 4, "metrics": metrics}
    words = [word for key, value in changes.items() for word in ("--set", f"{key}={value}")]
    environment = ["env", f"PYTHONPATH={python_path(own)}"]
    driver = [*environment, *RATEFRONT, "sweep", str(DIGITS), *words, "--out", str(folder)]
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
