from __future__ import annotations

from pathlib import Path

import pytest

from ratefront.errors import InputError
from ratefront.tracking.tracking_uri import (
    artifact_location,
    default_uri,
    is_same_store,
    resolve_uri,
    sqlite_path,
    sqlite_uri,
)


def test_the_default_store_lies_beside_the_sweeps_folder(tmp_path: Path) -> None:
    assert resolve_uri(None, tmp_path / "runs" / "digits") == f"sqlite:///{tmp_path}/runs/mlflow.db"
    assert default_uri(tmp_path / "runs" / "other") == default_uri(tmp_path / "runs" / "digits")


def test_a_relative_folder_has_an_absolute_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert default_uri(Path("runs/digits")) == f"sqlite:///{tmp_path}/runs/mlflow.db"
    assert resolve_uri("sqlite:///own.db", tmp_path) == f"sqlite:///{tmp_path}/own.db"


def test_a_database_file_can_be_named_by_its_path(tmp_path: Path) -> None:
    assert resolve_uri(str(tmp_path / "own.db"), tmp_path) == sqlite_uri(tmp_path / "own.db")


@pytest.mark.parametrize(
    "uri", ["http://localhost:5000", "https://mlflow.example.org", "postgresql+psycopg2://u:p@host/mlflow"]
)
def test_addresses_of_servers_and_databases_stay_unchanged(uri: str, tmp_path: Path) -> None:
    assert resolve_uri(uri, tmp_path) == uri
    assert sqlite_path(uri) is None
    assert artifact_location(uri) is None


@pytest.mark.parametrize(
    "uri", ["mysql+pymysql://host/db", "mssql+pyodbc://host/db?driver=x", "postgresql:///db"]
)
def test_databases_may_name_a_driver(uri: str, tmp_path: Path) -> None:
    assert resolve_uri(uri, tmp_path) == uri


@pytest.mark.parametrize(
    "uri",
    [
        *("mlruns", "file:///tmp/mlruns", "file:/tmp/x", "sqlite://mlflow.db", "ftp://host/x", ""),
        *("sqlite+pysqlite:////tmp/a.db", "http+unix://%2Ftmp%2Fsocket", "https+insecure://host"),
        *("databricks", "databricks://profile", "databricks-uc", "uc:http://host", "plugin://x", "s3://b"),
        *("http://", "http:///path", "https:host/path", "mysql+../x://host"),
    ],
)
def test_other_addresses_are_refused_with_the_valid_kinds(uri: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="sqlite:///FILE") as caught:
        resolve_uri(uri, tmp_path)
    assert repr(uri) in str(caught.value)


@pytest.mark.parametrize("uri", ["sqlite:///", "sqlite:////"])
def test_an_address_without_a_file_is_refused(uri: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="names no file"):
        resolve_uri(uri, tmp_path)


def test_paths_survive_the_way_there_and_back(tmp_path: Path) -> None:
    path = tmp_path / "a folder" / "mlflow.db"
    assert sqlite_path(sqlite_uri(path)) == path
    assert artifact_location(sqlite_uri(path)) == (tmp_path / "a folder" / "mlartifacts").as_uri()


@pytest.mark.parametrize("password", ["two@signs", "a/b", "a?b", "a#b"])
def test_an_ambiguous_password_is_refused_and_not_shown(password: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="%40") as caught:
        resolve_uri(f"http://me:{password}@mlflow.example.org:5000", tmp_path)
    assert password not in str(caught.value)


@pytest.mark.parametrize("password", ["schlüssel", "schl%C3%BCssel"])
def test_a_password_beyond_ascii_is_refused_for_servers(password: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="MLFLOW_TRACKING_PASSWORD") as caught:
        resolve_uri(f"http://me:{password}@mlflow.example.org:5000", tmp_path)
    assert password not in str(caught.value)


def test_a_refused_address_is_shown_without_its_password(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        resolve_uri("ftp://me:secret@mlflow.example.org", tmp_path)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("uri", ["http://me:a%40b@host:5000", "postgresql://me:secret@/mlflow?host=/run/pg"])
def test_unambiguous_passwords_are_accepted(uri: str, tmp_path: Path) -> None:
    assert resolve_uri(uri, tmp_path) == uri


def test_the_user_does_not_make_another_store() -> None:
    assert is_same_store("http://me:secret@Host:5000/", "http://host:5000")
    assert not is_same_store("http://host:5000", "http://host:5001")
    assert not is_same_store("http://host:5000/one", "http://host:5000/other")
    assert not is_same_store("postgresql:///mlflow?host=/a", "postgresql:///mlflow?host=/b")
    assert not is_same_store("sqlite:////tmp/a.db", "sqlite:////tmp/b.db")
