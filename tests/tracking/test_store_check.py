"""Whether a sweep could be tracked at an address: found out without making anything there."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.permission_checks import permissions_apply
from tests.tracking.recording_server import Listener

from ratefront.errors import InputError, TrackingError
from ratefront.tracking.mlflow.store_check import look_at_store
from ratefront.tracking.tracking_uri import sqlite_uri

pytestmark = pytest.mark.medium

UNKNOWN = (404, json.dumps({"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "no such experiment"}))


def known(stage: str) -> tuple[int, str]:
    experiment = {"experiment_id": "7", "name": "mine", "lifecycle_stage": stage, "artifact_location": "x"}
    return 200, json.dumps({"experiment": experiment})


@pytest.mark.parametrize(
    ("answer", "said"), [(UNKNOWN, "'mine' will be made"), (known("active"), "'mine' is there")]
)
def test_a_server_is_asked_and_nothing_is_made(listener: Listener, answer: Any, said: str) -> None:
    listener.answer = answer
    assert look_at_store(listener.uri, "mine") == f"{listener.uri} answers; experiment {said}"
    assert listener.connections
    assert listener.requests == [], "nothing is posted"


def test_a_deleted_experiment_is_bad_input(listener: Listener) -> None:
    listener.answer = known("deleted")
    with pytest.raises(InputError, match="experiment 'mine' was deleted"):
        look_at_store(listener.uri, "mine")


@pytest.mark.parametrize(
    ("status", "said"), [(401, "MLFLOW_TRACKING_USERNAME"), (403, "forbids"), (500, "500")]
)
def test_a_server_that_refuses_is_named(listener: Listener, status: int, said: str) -> None:
    listener.answer = (status, "broken")
    with pytest.raises(TrackingError, match=rf"^{listener.uri}\b.*{said}"):
        look_at_store(listener.uri, "mine")


def test_a_server_that_does_not_answer_is_named_without_its_password() -> None:
    with pytest.raises(TrackingError) as raised:
        look_at_store("http://ann:secret@127.0.0.1:1", "mine")
    assert str(raised.value).startswith("http://***@127.0.0.1:1 does not answer")


def test_a_missing_file_is_not_made(tmp_path: Path) -> None:
    path = tmp_path / "new" / "mlflow.db"
    assert look_at_store(sqlite_uri(path), "mine") == f"{path} will be made"
    assert [*tmp_path.iterdir()] == []


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    tmp_path.chmod(0o500)
    try:
        with permissions_apply(), pytest.raises(TrackingError, match="cannot be written"):
            look_at_store(sqlite_uri(path), "mine")
    finally:
        tmp_path.chmod(0o700)


def test_a_file_without_room_for_its_journal_is_named(tmp_path: Path) -> None:
    """SQLite writes a journal beside its file: a folder that one may not write to refuses each change."""
    path = tmp_path / "mlflow.db"
    path.touch()
    tmp_path.chmod(0o500)
    try:
        with permissions_apply(), pytest.raises(TrackingError, match=f"{tmp_path} does not allow it"):
            look_at_store(sqlite_uri(path), "mine")
    finally:
        tmp_path.chmod(0o700)
    assert look_at_store(sqlite_uri(path), "mine") == f"{path} is there"


def test_another_programs_file_is_bad_input(tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE other (one)")
    with pytest.raises(InputError, match="another program"):
        look_at_store(sqlite_uri(path), "mine")


@pytest.mark.slow
def test_a_database_is_looked_at_without_making_tables(
    postgres: Any, new_database: Callable[[], str]
) -> None:
    assert look_at_store(new_database(), "mine").endswith("answers; MLflow's tables are there")
    empty = postgres.create("empty")
    for _ in range(2):
        assert look_at_store(empty, "mine").endswith("answers; MLflow's tables will be made")


def test_a_database_that_is_not_reached_is_named() -> None:
    with pytest.raises(TrackingError, match=r"postgresql://\*\*\*@127.0.0.1:1/x: "):
        look_at_store("postgresql://ann:secret@127.0.0.1:1/x", "mine")
