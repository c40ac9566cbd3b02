"""Every contract test runs on each kind of tracker; the slow ones share a PostgreSQL and servers over it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from tests.tracking.mlflow_servers import Guarded, MlflowServer, Postgres
from tests.tracking.recording_server import Listener, listening
from tests.tracking.tracked_places import MemoryPlace, MlflowPlace, Place

from ratefront.tracking.tracking_uri import sqlite_uri


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with MLflow's schema: making one takes seconds, copying it none."""
    from ratefront.tracking.mlflow.mlflow_store import MlflowStore

    path = tmp_path_factory.mktemp("mlflow") / "template.db"
    MlflowStore(sqlite_uri(path), "template")
    return path


@pytest.fixture
def mlflow_place(empty_store: Path, tmp_path: Path) -> MlflowPlace:
    return MlflowPlace.copied(empty_store, tmp_path)


@pytest.fixture
def listener() -> Iterator[Listener]:
    with listening() as listener:
        yield listener


@pytest.fixture(params=["memory", "mlflow", pytest.param("server", marks=pytest.mark.slow)])
def place(request: pytest.FixtureRequest) -> Place:
    if request.param == "memory":
        return MemoryPlace()
    place: Place = request.getfixturevalue(f"{request.param}_place")
    return place


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    postgres = Postgres()
    yield postgres
    postgres.remove()


@pytest.fixture(scope="session")
def new_database(postgres: Postgres) -> Callable[[], str]:
    """Databases with MLflow's tables, by their addresses. Making these takes seconds, copying them none."""
    from ratefront.tracking.mlflow.mlflow_store import MlflowStore

    MlflowStore(postgres.create("mlflow"), "template")
    names = (f"mlflow{number}" for number in count())
    return lambda: postgres.create(next(names), like="mlflow")


@pytest.fixture(scope="session")
def shared_server(
    new_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[MlflowServer]:
    with MlflowServer(new_database(), tmp_path_factory.mktemp("server")) as server:
        yield server


@pytest.fixture
def server(shared_server: MlflowServer) -> MlflowServer:
    """Shared by all: each test has an experiment of its own there, and may kill the server."""
    shared_server.start_unless_running()
    return shared_server


@pytest.fixture
def server_place(server: MlflowServer, request: pytest.FixtureRequest) -> MlflowPlace:
    return MlflowPlace(server.uri, request.node.name, behind=server.store_uri)


@pytest.fixture(scope="session")
def guarded(new_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """With the users ``sweeper`` and ``reader`` and the admin."""
    guarded = Guarded(new_database(), tmp_path_factory.mktemp("guarded"))
    with guarded.server:
        guarded.add("sweeper")
        guarded.add("reader")
        yield guarded
