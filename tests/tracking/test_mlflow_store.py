"""What is MLflow's own: limits of a call, the artifacts' place, runs made twice, quiet."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from tests.tracking.ledger_stories import Story, created, finished, planned, reported, started, whole_sweep
from tests.tracking.tracked_places import EXPERIMENT, MlflowPlace, by_trial, finish, follow, show

from ratefront.errors import InputError
from ratefront.tracking.mlflow.mlflow_store import MlflowStore, batches
from ratefront.tracking.tracking_uri import sqlite_uri

pytestmark = pytest.mark.medium


def test_more_points_than_a_call_takes_all_arrive(mlflow_place: MlflowPlace) -> None:
    story = Story().tell(created(), planned(0), started(0))
    story.tell(*(reported(0, step, loss=1.0, accuracy=0.5) for step in range(1, 1102)), finished(0))
    run = show(story, mlflow_place)["t0000"]
    assert sum(point.key == "epoch/loss" for point in run.points) == 1101
    assert sum(point.key == "epoch/accuracy" for point in run.points) == 1101


def test_points_sent_twice_are_stored_once(mlflow_place: MlflowPlace) -> None:
    story = Story().tell(created(), planned(0), started(0), reported(0, 1), reported(0, 2))
    for _ in range(3):
        assert follow(story, mlflow_place.tracker()).close(30) == 0
    (child,) = (run for run in mlflow_place.stored() if "trial_id" in run.data.tags)
    assert [point.step for point in mlflow_place.history(child.info.run_id, "epoch/loss")] == [1, 2]


def test_child_runs_are_one_level_below_the_sweep(mlflow_place: MlflowPlace) -> None:
    show(whole_sweep(), mlflow_place)
    stored = mlflow_place.stored()
    (parent,) = (run for run in stored if "mlflow.parentRunId" not in run.data.tags)
    parents = {run.data.tags.get("mlflow.parentRunId") for run in stored} - {None}
    assert parents == {parent.info.run_id}


def test_artifacts_lie_beside_the_database(mlflow_place: MlflowPlace, tmp_path: Path) -> None:
    report = tmp_path / "elsewhere" / "report.html"
    report.parent.mkdir()
    report.write_text("<p>front</p>")
    show(whole_sweep(), mlflow_place, artifacts=[report])
    (kept,) = (tmp_path / "mlartifacts").rglob("report.html")
    assert kept.read_text() == "<p>front</p>"


def test_a_run_created_twice_becomes_one(mlflow_place: MlflowPlace) -> None:
    story = Story().tell(created(), planned(0), started(0), reported(0, 1))
    assert follow(story, mlflow_place.tracker()).close(30) == 0
    for run in mlflow_place.stored():  # as if the server had carried out a request whose answer was lost
        mlflow_place.client.create_run(run.info.experiment_id, run.info.start_time - 1, run.data.tags)
    runs = show(story.tell(finished(0)), mlflow_place)
    assert {name: run.status for name, run in runs.items()} == {"": "FINISHED", "t0000": "FINISHED"}
    assert any(point.key == "epoch/loss" for point in runs["t0000"].points)


def test_a_run_that_a_person_deleted_is_made_again(mlflow_place: MlflowPlace) -> None:
    story = Story().tell(created(), planned(0), started(0), reported(0, 1))
    follower = follow(story, mlflow_place.tracker())
    while not any("trial_id" in run.data.tags for run in mlflow_place.stored()):
        follower.wake()
    (child,) = (run for run in mlflow_place.stored() if "trial_id" in run.data.tags)
    mlflow_place.client.delete_run(child.info.run_id)
    story.tell(finished(0))
    assert finish(follower) == 0
    assert by_trial(mlflow_place)["t0000"].status == "FINISHED"


def test_a_deleted_experiment_is_named(mlflow_place: MlflowPlace) -> None:
    store = MlflowStore(mlflow_place.uri, EXPERIMENT)
    mlflow_place.client.delete_experiment(store.experiment_id)
    with pytest.raises(InputError, match="'ratefront' was deleted"):
        MlflowStore(mlflow_place.uri, EXPERIMENT)


def test_an_experiment_with_files_on_a_server_needs_the_server(mlflow_place: MlflowPlace) -> None:
    mlflow_place.client.create_experiment(EXPERIMENT, "mlflow-artifacts:/1")
    with pytest.raises(InputError, match="give that server's address"):
        MlflowStore(mlflow_place.uri, EXPERIMENT)


def test_an_unreachable_database_fails_at_once() -> None:
    begin = time.monotonic()
    with pytest.raises(Exception, match="Connection refused"):
        MlflowStore("postgresql://me:secret@127.0.0.1:9/mlflow", EXPERIMENT)
    assert time.monotonic() - begin < 10, "MLflow itself would try for a minute and a half"


def test_a_missing_database_driver_is_named() -> None:
    with pytest.raises(InputError, match="a mysql database needs the package MySQLdb"):
        MlflowStore("mysql://me:secret@127.0.0.1/mlflow", EXPERIMENT)


def test_an_experiment_that_exists_is_used(mlflow_place: MlflowPlace) -> None:
    first, second = (MlflowStore(mlflow_place.uri, EXPERIMENT) for _ in range(2))
    assert first.experiment_id == second.experiment_id


@pytest.mark.parametrize(("count", "sizes"), [(0, []), (3, [3]), (4, [4]), (9, [4, 4, 1])])
def test_batches_keep_order_and_lose_nothing(count: int, sizes: list[int]) -> None:
    items = list(range(count))
    parts = batches(items, 4)
    assert [len(part) for part in parts] == sizes
    assert [item for part in parts for item in part] == items


_DRIVER = """
import sys
from pathlib import Path
from ratefront.store.sweep_folder import SweepFolder
from ratefront.store.ledger.ledger_file import Ledger
from ratefront.tracking import open_tracking
from ratefront.tracking.tracker_protocol import TrackedEnding
from tests.tracking.ledger_stories import created, finished, planned, reported, started

folder = SweepFolder(Path(sys.argv[1]))
ledger = Ledger(folder.ledger)
follower = open_tracking(folder, sys.argv[2], "ratefront")
assert "mlflow" not in sys.modules or sys.argv[3] == "stay"
for event in (created(), planned(0), started(0), reported(0, 1)):
    ledger.append(event)
    follower.wake()
if sys.argv[3] == "stay":
    sys.stdin.read()
follower.finish(TrackedEnding("finished", {"hypervolume": 0.5}), 60.0)
"""


def _driver(tmp_path: Path, uri: str, how: str) -> list[str]:
    return [sys.executable, "-c", _DRIVER, str(tmp_path), uri, how]


@pytest.mark.slow
def test_a_new_store_is_made_without_output(tmp_path: Path, pytestconfig: pytest.Config) -> None:
    uri = sqlite_uri(tmp_path / "new" / "mlflow.db")
    done = subprocess.run(
        _driver(tmp_path, uri, "leave"),
        capture_output=True,
        cwd=pytestconfig.rootpath,
        text=True,
        timeout=120,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert {run.status for run in MlflowPlace(uri).runs()} == {"FINISHED", "KILLED"}


@pytest.mark.slow
def test_a_resumed_driver_continues_a_killed_ones_runs(
    mlflow_place: MlflowPlace, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    from ratefront.history.events import Resumed
    from ratefront.store.ledger.ledger_file import Ledger
    from ratefront.store.sweep_folder import SweepFolder
    from ratefront.tracking import open_tracking

    command = _driver(tmp_path, mlflow_place.uri, "stay")
    with subprocess.Popen(command, stdin=subprocess.PIPE, cwd=pytestconfig.rootpath) as driver:
        _wait_for_runs(mlflow_place, 2)
        driver.kill()
    assert {run.status for run in mlflow_place.runs()} == {"RUNNING"}
    folder = SweepFolder(tmp_path)
    with Ledger(folder.ledger) as ledger:
        follower = open_tracking(folder, mlflow_place.uri, EXPERIMENT)
        for event in (
            Resumed("second"),
            started(0, attempt=2),
            reported(0, 1, attempt=2),
            finished(0, attempt=2),
        ):
            ledger.append(event)
            follower.wake()
        assert finish(follower) == 0
    runs = by_trial(mlflow_place)
    assert {name: run.status for name, run in runs.items()} == {"": "FINISHED", "t0000": "FINISHED"}
    assert sum(point.key == "epoch/loss" for point in runs["t0000"].points) == 1


def _wait_for_runs(place: Any, count: int) -> None:
    deadline = time.monotonic() + 60
    while len(place.stored()) < count:
        assert time.monotonic() < deadline
        time.sleep(0.1)
