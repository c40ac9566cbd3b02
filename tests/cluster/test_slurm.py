"""``cluster/slurm/sweep.sbatch`` on a real SLURM of two nodes on this machine."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient
from tests.chaos.trial_accounting import assert_accounted
from tests.cluster.slurm_cluster import SlurmCluster, missing, two_nodes
from tests.cluster.slurm_sweeps import TRIALS, SlurmSweep, resources_of

from ratefront.history.events import Failed, Halted, Resumed
from ratefront.store.ledger.ledger_file import read_entries
from ratefront.store.views.sweep_status import status_of
from ratefront.tracking.tracking_uri import default_uri

pytestmark = [pytest.mark.slow, pytest.mark.skipif(missing() is not None, reason=missing() or "")]


@pytest.fixture(scope="module")
def slurm() -> Iterator[SlurmCluster]:
    with two_nodes() as cluster:
        yield cluster


@pytest.fixture
def sweep(slurm: SlurmCluster, tmp_path: Path) -> SlurmSweep:
    return _placed(slurm, tmp_path / "first")


def _placed(slurm: SlurmCluster, place: Path) -> SlurmSweep:
    place.mkdir()
    return SlurmSweep(slurm, place)


def _files_with(secret: str, *folders: Path) -> list[Path]:
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    return [path for path in files if secret.encode() in path.read_bytes()]


def test_each_node_gives_what_it_has_and_one_may_fail(slurm: SlurmCluster, sweep: SlurmSweep) -> None:
    sweep.submit("--ntasks=3", "--gpus=3")  # two cores and GPUs of n1, one of n2
    sweep.wait(lambda: [len(sweep.workers(node)) for node in ("n1", "n2")] == [2, 1], "three workers")
    assert {node: resources_of(raylet) for node, raylet in sweep.raylets().items()} == {
        "n1": {"CPU": 2, "GPU": 2},
        "n2": {"CPU": 1, "GPU": 1},
    }
    assert [len(worker.cpu_affinity()) for worker in sweep.workers("n2")] == [1]
    sweep.wait_for_training()
    secret = sweep.secret()
    assert len(secret) == 64
    assert _files_with(secret, slurm.folder, sweep.place, sweep.marked.ray_folder) == []
    assert [called for called in sweep.marked.alive().values() if secret in called] == []
    assert secret not in slurm.run("scontrol", "show", "job", "--details", sweep.number)

    sweep.raylets()["n2"].kill()
    assert sweep.end("COMPLETED")["Restarts"] == "0"
    assert_accounted(sweep.folder, TRIALS)
    events = [entry.event for entry in read_entries(sweep.folder.ledger)]
    assert {event.error for event in events if isinstance(event, Failed)} <= {"WorkerLostError"}


def test_a_sweep_whose_time_is_up_goes_on_in_its_next_turn(slurm: SlurmCluster, sweep: SlurmSweep) -> None:
    sweep.epochs = 150  # SLURM looks at the time twice a minute: the sweep must last as long
    sweep.submit()
    sweep.wait(lambda: sweep.history.with_status("running"), "a trial that has begun")
    sweep.learn_folder()
    slurm.run("scontrol", "update", f"JobId={sweep.number}", "EndTime=now+120seconds")
    sweep.wait(lambda: slurm.job(sweep.number)["Restarts"] == "1", "the job's next turn")
    slurm.run("scontrol", "update", f"JobId={sweep.number}", "TimeLimit=30")
    assert sweep.end("COMPLETED")["Restarts"] == "1"
    assert_accounted(sweep.folder, TRIALS)
    events = [entry.event for entry in read_entries(sweep.folder.ledger)]
    assert [event.reason for event in events if isinstance(event, Halted)] == ["SIGUSR1"]
    assert len([event for event in events if isinstance(event, Resumed)]) == 1


def test_a_cancelled_sweep_resumes_beside_another_one(
    slurm: SlurmCluster, sweep: SlurmSweep, tmp_path: Path
) -> None:
    other = _placed(slurm, tmp_path / "second")
    sweep.epochs = 60  # it must not end before it is cancelled
    for one in (sweep, other):
        one.submit()
    for one in (sweep, other):
        one.wait_for_training()
    assert sweep.secret() != other.secret()
    assert _answers(sweep, sweep.secret())
    assert not _answers(sweep, other.secret())

    slurm.run("scancel", sweep.number)
    sweep.end("CANCELLED", within_s=60)
    status = status_of(sweep.folder)
    assert (status.state, status.reason, status.running_trials) == ("interrupted", "SIGTERM", ())
    # On a busy machine the last entries may be left for the resume; the driver says so.
    assert "RUNNING" not in _mlflow_statuses(sweep) or "not delivered" in sweep.log.read_text()

    sweep.submit()
    for one in (other, sweep):
        one.end("COMPLETED")
        assert_accounted(one.folder, TRIALS)


def _mlflow_statuses(sweep: SlurmSweep) -> set[str]:
    client = MlflowClient(default_uri(sweep.folder.path))
    experiments = [one.experiment_id for one in client.search_experiments()]
    return {run.info.status for run in client.search_runs(experiments)}


def _answers(sweep: SlurmSweep, secret: str) -> bool:
    """Whether the sweep's Ray answers to somebody with this secret."""
    address = sweep.driver().environ()["RAY_ADDRESS"]
    access = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secret}
    command = [str(Path(sys.executable).with_name("ray")), "status", "--address", address]
    return subprocess.run(command, env=os.environ | access, capture_output=True, timeout=60).returncode == 0
