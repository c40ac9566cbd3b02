"""A database gets its tables once and whole, whoever opens it meanwhile; a file with something else is left alone."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from tests.builders import FakeSweep, label, spec
from tests.tracking.mlflow_servers import Postgres
from tests.tracking.tracked_places import MlflowPlace

from ratefront.errors import InputError
from ratefront.tracking.mlflow.database_tables import prepare_database
from ratefront.tracking.mlflow.mlflow_store import MlflowStore
from ratefront.tracking.tracking_uri import sqlite_uri

pytestmark = pytest.mark.medium

AT_ONCE = 10
PREPARE = (
    "import sys; from ratefront.tracking.mlflow.database_tables import prepare_database as p; p(sys.argv[1])"
)
TRACK = "from ratefront.cli import main; main()"


def a_diary(path: Path, journal: str = "delete") -> None:
    with closing(sqlite3.connect(path)) as database:
        database.execute(f"PRAGMA journal_mode={journal}")
        database.execute("CREATE TABLE diary (day TEXT, words TEXT)")
        database.execute("INSERT INTO diary VALUES ('Monday', 'rain')")
        database.commit()


def a_diary_in_a_log(path: Path) -> None:
    a_diary(path, "wal")


@pytest.mark.parametrize(
    ("write", "says"),
    [
        (a_diary, "another program"),
        (a_diary_in_a_log, "another program"),
        (
            lambda path: path.write_text("a letter, long enough for a header of SQLite's " * 9),
            "not a SQLite database",
        ),
        (lambda path: path.write_bytes(b"SQLite format 3\0" + bytes(4080)), "it stays as it is"),
        (Path.mkdir, "is not a file"),
        (os.mkfifo, "is not a file"),
    ],
    ids=["tables", "log", "text", "header", "folder", "pipe"],
)
def test_what_is_not_mlflows_is_refused_untouched(
    write: Callable[[Path], object], says: str, tmp_path: Path
) -> None:
    path = tmp_path / "mlflow.db"
    write(path)
    before = {file.name: file.is_file() and file.read_bytes() for file in tmp_path.iterdir()}
    for open_store in (prepare_database, lambda uri: MlflowStore(uri, "ratefront")):
        with pytest.raises(InputError, match=says):
            open_store(sqlite_uri(path))
    assert {file.name: file.is_file() and file.read_bytes() for file in tmp_path.iterdir()} == before


def test_an_empty_file_becomes_a_database(tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    path.touch()
    (tmp_path / "mlflow.db.0a1b2c3d.new").write_text("left by a process that was killed")
    (tmp_path / "mlflow.db.00000000.new").mkdir()  # which nothing of ours has left
    prepare_database(sqlite_uri(path))
    assert MlflowPlace(sqlite_uri(path)).stored() == []
    (tmp_path / "mlflow.db.00000000.new").rmdir()
    assert {path.name for path in tmp_path.iterdir()} == {"mlflow.db", "mlflow.db.lock"}


def test_a_link_in_place_of_the_lock_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db.lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputError, match=r"mlflow\.db\.lock must be a file"):
        prepare_database(sqlite_uri(tmp_path / "mlflow.db"))
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.slow
def test_a_killed_process_leaves_no_half_made_database(tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    with subprocess.Popen([sys.executable, "-c", PREPARE, sqlite_uri(path)]) as process:
        while not list(tmp_path.glob("*-journal")):
            assert process.poll() is None
            time.sleep(0.001)
        time.sleep(0.3)
        process.send_signal(signal.SIGKILL)
    assert not path.exists(), "it was killed too late"
    prepare_database(sqlite_uri(path))
    assert MlflowPlace(sqlite_uri(path)).stored() == []


@pytest.mark.slow
def test_ten_sweeps_are_sent_at_once_to_a_new_database(tmp_path: Path) -> None:
    folders = []
    for number in range(AT_ONCE):
        sweep = FakeSweep(tmp_path / f"digits{number}", spec(name=f"digits{number}"))
        sweep.finish(label(), 3.0, 0.9, 5000)
        folders.append(sweep.end().path)
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", TRACK, "track", str(folder)], stderr=subprocess.PIPE, text=True
        )
        for folder in folders
    ]
    said = [process.communicate(timeout=300)[1] for process in processes]
    assert [process.returncode for process in processes] == [0] * AT_ONCE, said
    runs = MlflowPlace(sqlite_uri(tmp_path / "mlflow.db")).runs()
    assert len(runs) == 2 * AT_ONCE
    assert {run.status for run in runs} == {"FINISHED"}


@pytest.mark.slow
def test_four_processes_make_the_tables_of_postgresql_at_once(postgres: Postgres) -> None:
    uri = postgres.create("at_once")
    processes = [
        subprocess.Popen([sys.executable, "-c", PREPARE, uri], stderr=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    said = [process.communicate(timeout=300)[1] for process in processes]
    assert [process.returncode for process in processes] == [0] * 4, said
    assert MlflowPlace(uri).stored() == []
