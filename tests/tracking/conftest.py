"""Every contract test runs on each kind of tracker."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.tracking.places import MemoryPlace, MlflowPlace, Place

from ratefront.tracking.uri import sqlite_uri


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with MLflow's schema: making one takes seconds, copying it none."""
    from ratefront.tracking.mlflow_store import MlflowStore

    path = tmp_path_factory.mktemp("mlflow") / "template.db"
    MlflowStore(sqlite_uri(path), "template")
    return path


@pytest.fixture
def mlflow_place(empty_store: Path, tmp_path: Path) -> MlflowPlace:
    return MlflowPlace.copied(empty_store, tmp_path)


@pytest.fixture(params=["memory", "mlflow"])
def place(request: pytest.FixtureRequest) -> Place:
    return MemoryPlace() if request.param == "memory" else request.getfixturevalue("mlflow_place")
