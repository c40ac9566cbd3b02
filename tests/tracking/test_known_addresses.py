"""Nothing reaches an address that only a sweep's folder names, until the user gives it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from tests.tracking.recording_server import Listener

from ratefront.api.run_sweep import load_given_spec
from ratefront.cache_folders import cache_folder
from ratefront.cli import main
from ratefront.errors import InputError
from ratefront.history.events import LEDGER_FORMAT, Created
from ratefront.spec.load_spec import load_spec, to_plain
from ratefront.store.ledger.ledger_file import Ledger
from ratefront.store.sweep_folder import SweepFolder
from ratefront.tracking.known_addresses import recorded_address, remember_address
from ratefront.tracking.tracking_uri import sqlite_uri

pytestmark = pytest.mark.medium

DIGITS = Path(__file__).parents[2] / "sweeps" / "digits.yaml"
SERVER = "http://mlflow.example.org:5000"


@pytest.fixture(autouse=True)
def own_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RATEFRONT_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "runs" / "digits"
    folder.mkdir(parents=True)
    return folder


def strangers_sweep(folder: Path, uri: Any) -> Path:
    plain = to_plain(load_spec(DIGITS, {"trials": 1}).spec)
    plain["tracking"] = {**plain["tracking"], "uri": uri}
    with Ledger(SweepFolder(folder).ledger) as ledger:
        ledger.append(Created("digits", plain, "0.1.0", LEDGER_FORMAT))
    return folder


def ratefront(monkeypatch: pytest.MonkeyPatch, *words: str | Path) -> int:
    monkeypatch.setattr(sys, "argv", ["ratefront", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


@pytest.mark.parametrize(
    "command",
    [
        ("track", "DIR"),
        ("track", "DIR", "--experiment", "mine"),
        ("ui", "DIR"),
        ("sweep", "--resume", "--out", "DIR"),
        ("sweep", "--extend", "1", "--out", "DIR"),
        ("sweep", "--retry-failed", "--out", "DIR"),
    ],
    ids=" ".join,
)
def test_a_strangers_server_hears_nothing(
    command: tuple[str, ...],
    folder: Path,
    listener: Listener,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    strangers_sweep(folder, listener.uri)
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "ann")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "secret")
    words = [word.replace("DIR", str(folder)) for word in command]
    before = sorted(folder.parent.rglob("*"))
    assert ratefront(monkeypatch, *words) == 2
    printed = capsys.readouterr()
    assert f"--tracking-uri {listener.uri}" in printed.err
    assert "nothing was sent" in printed.err
    assert "Traceback" not in printed.err
    assert listener.connections == 0
    assert sorted(folder.parent.rglob("*")) == before


def test_a_server_that_the_user_gives_gets_the_password_and_is_known(
    folder: Path, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    strangers_sweep(folder, listener.uri)
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "ann")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "secret")
    assert ratefront(monkeypatch, "ui", folder, "--tracking-uri", listener.uri) == 0
    heard = len(listener.requests)
    assert listener.requests[0][2]["Authorization"].startswith("Basic ")
    assert ratefront(monkeypatch, "ui", folder) == 0
    assert len(listener.requests) > heard


@pytest.mark.parametrize(
    "uri",
    [
        SERVER,
        "https://mlflow.example.org",
        "postgresql://host/mlflow",
        "mysql://host/mlflow",
        "sqlite:////home/ann/mlflow.db",
        "sqlite:///../mlflow.db",
        "/home/ann/own.sqlite",
    ],
)
def test_only_the_database_beside_the_folder_is_used_unasked(
    uri: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder.parent)
    with pytest.raises(InputError, match="tracking_uri="):
        recorded_address(uri, folder)
    beside = sqlite_uri(folder.parent / "mlflow.db")
    assert recorded_address(None, folder) == beside
    assert recorded_address("mlflow.db", folder) == beside


@pytest.mark.parametrize("uri", ["sqlite:///.profile", "sqlite:///other.db", "other.db"])
def test_another_name_beside_the_folder_is_asked_about(
    folder: Path, uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder.parent)
    with pytest.raises(InputError, match="nothing was sent there"):
        recorded_address(uri, folder)


@pytest.mark.parametrize(
    "uri",
    [
        "http://evil.example.net\\@mlflow.example.org:5000",
        "http://mlflow.example.org:5000\\.evil.example.net",
        "http://a b@mlflow.example.org:5000",
        "http://a:b@mlflow.example.org:5000",
    ],
)
def test_no_address_is_known_that_a_program_may_read_differently(folder: Path, uri: str) -> None:
    """A client takes the host from before a backslash; and another user's password is no stranger's to choose."""
    remember_address(SERVER, folder)
    with pytest.raises(InputError):
        recorded_address(uri, folder)


def test_a_link_beside_the_folder_leads_to_no_other_database(folder: Path, tmp_path: Path) -> None:
    (folder.parent / "mlflow.db").symlink_to(tmp_path / "private.db")
    with pytest.raises(InputError, match=r"private\.db"):
        recorded_address(None, folder)


def test_the_environment_may_name_the_address(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"{SERVER}/")
    assert recorded_address(SERVER, folder) == SERVER
    with pytest.raises(InputError):
        recorded_address(f"{SERVER}1", folder)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "databricks")
    with pytest.raises(InputError):
        recorded_address(SERVER, folder)


@pytest.mark.parametrize("setting", [{"tracking.uri": SERVER}, {"tracking": {"uri": SERVER}}])
def test_a_setting_may_name_the_address(folder: Path, setting: dict[str, Any]) -> None:
    strangers_sweep(folder, "http://stranger.example.net")
    assert load_given_spec(None, folder, setting).spec.tracking.uri == SERVER


def test_a_remembered_address_holds_without_user_and_for_no_other(folder: Path) -> None:
    remember_address("http://ann:secret@mlflow.example.org:5000", folder)
    assert recorded_address(SERVER, folder) == SERVER
    for other in ("http://mlflow.example.org", f"{SERVER}/other", "https://mlflow.example.org:5000"):
        with pytest.raises(InputError):
            recorded_address(other, folder)
    kept = [path.read_text() for path in cache_folder().rglob("*") if path.is_file()]
    assert len(kept) == 1
    assert "secret" not in kept[0]


def test_paths_that_differ_after_a_hash_sign_are_two_databases(folder: Path, tmp_path: Path) -> None:
    remember_address(sqlite_uri(tmp_path / "a#b.db"), folder)
    recorded_address(sqlite_uri(tmp_path / "a#b.db"), folder)
    with pytest.raises(InputError):
        recorded_address(sqlite_uri(tmp_path / "a#c.db"), folder)


def test_what_other_users_may_write_is_no_memory(folder: Path) -> None:
    remember_address(SERVER, folder)
    (memory,) = cache_folder().iterdir()
    memory.chmod(0o770)
    with pytest.raises(InputError):
        recorded_address(SERVER, folder)


def test_the_database_beside_the_folder_is_not_remembered(folder: Path) -> None:
    remember_address(sqlite_uri(folder.parent / "mlflow.db"), folder)
    assert not cache_folder().exists()


@pytest.mark.parametrize("uri", [5, ["a"], {"a": 1}, True])
def test_a_ledger_with_something_else_than_an_address_is_refused(uri: Any, folder: Path) -> None:
    with pytest.raises(InputError, match="no address"):
        recorded_address(uri, folder)
