"""The UI is on loopback, on the right store, and ends with Ctrl-C; a server may go and come."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from tests.tracking.ledger_stories import START, whole_sweep
from tests.tracking.tracked_places import MemoryPlace, MlflowPlace, by_trial, finish, follow, show

from ratefront.errors import InputError, TrackingError
from ratefront.tracking.browsing import mlflow_ui
from ratefront.tracking.tracker_protocol import TrackedSweep
from ratefront.tracking.tracking_uri import sqlite_uri


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((mlflow_ui.HOST, 0))
        return int(probe.getsockname()[1])


def test_a_missing_store_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no tracking store at"):
        mlflow_ui.serve_ui(sqlite_uri(tmp_path / "mlflow.db"))
    assert not (tmp_path / "mlflow.db").exists()


def test_a_server_is_only_named_and_without_its_password(
    capsys: pytest.CaptureFixture[str],
) -> None:
    port = free_port()
    assert mlflow_ui.serve_ui(f"http://me:secret@{mlflow_ui.HOST}:{port}/mlflow/") == 0
    printed = capsys.readouterr().out
    assert "it does not say where its sweeps are" in printed
    assert f"http://{mlflow_ui.HOST}:{port}/mlflow/#/experiments?workflowType=machine_learning" in printed
    assert "secret" not in printed


def test_the_pages_of_a_sweep_are_printed(
    mlflow_place: MlflowPlace,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(mlflow_ui, "command", lambda port: [sys.executable, "-c", ""])
    sweep = TrackedSweep("digits", START, "0.1.0")
    assert mlflow_ui.serve_ui(mlflow_place.uri, free_port(), sweep) == 0
    assert "digits is not found there; sweep.track() sends it" in caplog.text
    capsys.readouterr()
    mlflow_place.tracker().open_sweep(sweep, running=True)
    assert mlflow_ui.serve_ui(mlflow_place.uri, free_port(), sweep) == 0
    printed = capsys.readouterr().out
    assert "not found" not in printed
    (run,) = mlflow_place.stored()
    assert printed.count("http://") == 3
    assert f"/runs/{run.info.run_id}?" in printed
    assert f"viewStateShareKey=ratefront-{sweep.identity}\n" in printed


def test_the_tables_are_made_before_the_server_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server would make them without a lock."""
    (tmp_path / "mlflow.db").touch()
    order: list[str] = []

    def serve(command: list[str], settings: dict[str, str], **_: object) -> int:
        order.append("started")
        return 0

    monkeypatch.setattr(mlflow_ui, "_serve", serve)
    monkeypatch.setattr(mlflow_ui, "prepare_database", lambda uri: order.append("made"))
    assert mlflow_ui.serve_ui(sqlite_uri(tmp_path / "mlflow.db"), free_port()) == 0
    assert order == ["made", "started"]


def test_a_database_of_another_program_gets_no_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mlflow_ui, "_serve", lambda *_, **__: pytest.fail("a server was started"))
    (tmp_path / "mlflow.db").write_text("a diary")
    with pytest.raises(InputError, match="is not a SQLite database"):
        mlflow_ui.serve_ui(sqlite_uri(tmp_path / "mlflow.db"), free_port())
    assert (tmp_path / "mlflow.db").read_text() == "a diary"


def test_a_database_that_does_not_answer_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mlflow_ui, "_serve", lambda *_, **__: pytest.fail("a server was started"))
    with pytest.raises(TrackingError, match="Connection refused") as caught:
        mlflow_ui.serve_ui("postgresql://me:secret@127.0.0.1:9/mlflow", free_port())
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_store_is_read_while_its_server_starts(
    mlflow_place: MlflowPlace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = tmp_path / "started"
    code = f"from pathlib import Path; Path({str(started)!r}).touch()"
    monkeypatch.setattr(mlflow_ui, "command", lambda port: [sys.executable, "-c", code])
    monkeypatch.setattr(mlflow_ui, "find_sweep", lambda uri, sweep: wait_until(started.exists))
    assert mlflow_ui.serve_ui(mlflow_place.uri, free_port()) == 0


def test_the_server_imports_nothing_of_the_current_folder(
    mlflow_place: MlflowPlace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python's ``-m`` puts it first, and so does uvicorn."""
    folder = tmp_path / "stranger"
    folder.mkdir()
    (folder / "shadow_.py").write_text("")
    monkeypatch.chdir(folder)
    monkeypatch.setattr(mlflow_ui, "command", lambda port: [sys.executable, "-m", "shadow_"])
    assert mlflow_ui.serve_ui(mlflow_place.uri, free_port()) == 1


def test_closed_output_leaves_no_server_behind(
    mlflow_place: MlflowPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: list[object] = []
    terminate = subprocess.Popen.terminate
    monkeypatch.setattr(
        subprocess.Popen, "terminate", lambda server: (ended.append(server), terminate(server))
    )
    monkeypatch.setattr(
        mlflow_ui, "command", lambda port: [sys.executable, "-c", "import time; time.sleep(60)"]
    )
    monkeypatch.setattr(mlflow_ui, "find_sweep", lambda uri, sweep: None)
    monkeypatch.setattr(mlflow_ui, "page_addresses", _broken_pipe)
    with pytest.raises(BrokenPipeError):
        mlflow_ui.serve_ui(mlflow_place.uri, free_port())
    (server,) = ended
    assert isinstance(server, subprocess.Popen)
    assert server.wait(30) == -signal.SIGTERM


def _broken_pipe(*_: object) -> dict[str, str]:
    raise BrokenPipeError


def test_a_taken_port_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").touch()
    with socket.socket() as other:
        other.bind((mlflow_ui.HOST, 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(InputError, match=f"port {port} is taken"):
            mlflow_ui.serve_ui(sqlite_uri(tmp_path / "mlflow.db"), port)


def test_the_ui_is_reachable_from_this_machine_only() -> None:
    command = mlflow_ui.command(5001)
    assert command[command.index("--host") + 1] == "127.0.0.1"


def test_an_address_with_a_password_is_not_on_the_command_line() -> None:
    uri = "postgresql://me:secret@host/mlflow"
    assert mlflow_ui.environment(uri)["MLFLOW_BACKEND_STORE_URI"] == uri
    assert not any("secret" in word for word in mlflow_ui.command(5001))


@contextmanager
def serving(command: list[str], environment: dict[str, str], port: int) -> Iterator[subprocess.Popen[bytes]]:
    server = subprocess.Popen(command, env=os.environ | environment, start_new_session=True)
    try:
        wait_until_healthy(port)
        yield server
    finally:
        if server.poll() is None:
            os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def wait_until_healthy(port: int) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            with urlopen(f"http://{mlflow_ui.HOST}:{port}/health") as answer:
                assert answer.status == 200
                return
        except (URLError, ConnectionError):
            assert time.monotonic() < deadline, "the server does not answer"
            time.sleep(0.1)


@pytest.mark.slow
def test_ctrl_c_ends_the_ui(mlflow_place: MlflowPlace) -> None:
    port = free_port()
    call = f"serve_ui({mlflow_place.uri!r}, {port})"
    code = f"from ratefront.tracking.browsing.mlflow_ui import serve_ui; raise SystemExit({call})"
    with serving([sys.executable, "-c", code], {}, port) as server:
        os.killpg(server.pid, signal.SIGINT)
        assert server.wait(30) == 0


@pytest.mark.slow
def test_a_restarted_server_has_everything_once(mlflow_place: MlflowPlace, tmp_path: Path) -> None:
    port = free_port()
    command, environment = mlflow_ui.command(port), mlflow_ui.environment(mlflow_place.uri)
    remote = MlflowPlace(f"http://{mlflow_ui.HOST}:{port}")
    story = whole_sweep()
    ending, story.entries = story.entries[8:], story.entries[:8]
    report = tmp_path / "report.html"
    report.write_text("<p>front</p>")
    with serving(command, environment, port):
        follower = follow(story, remote.tracker())
        wait_until(lambda: len(remote.stored()) == 3)
    story.entries += ending
    follower.wake()
    with serving(command, environment, port):
        assert finish(follower, artifacts=[report], patience=60) == 0
        assert by_trial(remote) == show(whole_sweep(), MemoryPlace(), artifacts=[report])


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.01)
