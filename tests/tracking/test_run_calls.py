"""The requests of every trial to a server are those of MLflow's own client."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from tests.tracking.recording_server import Listener

from ratefront.tracking.mlflow import server_session
from ratefront.tracking.mlflow.run_calls import ClientCalls, RunCalls, ServerCalls, run_calls
from ratefront.tracking.mlflow.server_session import (
    OWN_CERTIFICATE,
    PASSWORD,
    SERVER_CERTIFICATE,
    TOKEN,
    USER,
)
from ratefront.tracking.run_keys import MetricPoint

pytestmark = pytest.mark.medium


def _make_all_calls(calls: RunCalls) -> None:
    run_id = calls.create("7", "t0001 split", 1_700_000_000_250, {"trial_id": "t0001", "note": "**β** < 1"})
    points = [
        MetricPoint("epoch/loss", 0.1, 1_700_000_000_500, 1),
        MetricPoint("epoch/loss", 1e-300, 1_700_000_000_750, 2),
    ]
    calls.log(run_id, points, [("hp/beta", "0.02")], [("status", "finished")])
    calls.log(run_id, [], [], [("status_reason", "")])
    calls.add_dataset(run_id, {"name": "digits", "digest": "ab", "source_type": "x", "source": "{}"}, "test")
    calls.update(run_id, "FINISHED", 1_700_000_001_000)
    calls.update(run_id, "RUNNING")


def test_a_server_gets_what_mlflows_client_would_send(
    listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import MlflowClient

    monkeypatch.setenv("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")  # as our store has it
    _make_all_calls(ServerCalls(listener.uri))
    direct, listener.requests = listener.requests, []
    _make_all_calls(ClientCalls(MlflowClient(listener.uri)))
    through_client = listener.requests
    assert [path for path, _, _ in direct] == [path for path, _, _ in through_client]
    for (path, sent, _), (_, expected, _) in zip(direct, through_client, strict=True):
        assert _without_defaults(sent) == _without_defaults(expected), path


def _without_defaults(body: dict[str, Any]) -> dict[str, Any]:
    """MLflow's client also names the run by its old key, and a user, of whom it knows nothing here."""
    return {
        key: value
        for key, value in body.items()
        if key not in ("run_uuid", "user_id") and value not in ([], "")
    }


def test_connections_are_kept(listener: Listener) -> None:
    _make_all_calls(ServerCalls(listener.uri))
    assert listener.connections == 1


def test_user_and_password_or_token_go_with_every_request(
    listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "ö")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "p:w")
    _make_all_calls(ServerCalls(listener.uri))
    assert {headers["Authorization"] for _, _, headers in listener.requests} == {"Basic w7Y6cDp3"}
    monkeypatch.delenv("MLFLOW_TRACKING_PASSWORD")
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "secret")
    listener.requests = []
    _make_all_calls(ServerCalls(listener.uri))
    assert {headers["Authorization"] for _, _, headers in listener.requests} == {"Bearer secret"}


def test_after_a_refusal_the_password_is_read_again(
    listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow.exceptions import RestException

    calls = ServerCalls(listener.uri)
    listener.answer = 403, '{"error_code": "PERMISSION_DENIED", "message": "not yours"}'
    with pytest.raises(RestException, match="not yours") as caught:
        calls.update("a" * 32, "RUNNING")
    assert caught.value.get_http_status_code() == 403
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "new")
    listener.answer = None
    calls.update("a" * 32, "RUNNING")
    assert [headers.get("Authorization") for _, _, headers in listener.requests] == [None, "Bearer new"]


def test_an_unreachable_server_raises_mlflows_error() -> None:
    from mlflow.exceptions import MlflowException

    with pytest.raises(
        MlflowException, match=r"API request to http://127.0.0.1:9/api/\S+ failed with exception"
    ):
        ServerCalls("http://127.0.0.1:9").update("a" * 32, "RUNNING")


@pytest.fixture
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """No setting of MLflow's, and no credentials in the home folder."""
    for name in [name for name in os.environ if name.startswith("MLFLOW_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    return monkeypatch


def _calls_directly(uri: str = "http://127.0.0.1:9") -> bool:
    from mlflow import MlflowClient

    return isinstance(run_calls(uri, MlflowClient(uri)), ServerCalls)


def test_servers_are_called_directly_databases_through_mlflow(
    nothing_set: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert _calls_directly()
    assert not _calls_directly(f"sqlite:///{tmp_path}/no.db")
    for name in (USER, PASSWORD, TOKEN, SERVER_CERTIFICATE, OWN_CERTIFICATE, "MLFLOW_TRACKING_URI"):
        nothing_set.setenv(name, "something")
    nothing_set.setenv("MLFLOW_TRACKING_AUTH", "")
    assert _calls_directly()


@pytest.mark.parametrize(
    "setting",
    ["MLFLOW_TRACKING_AUTH", "MLFLOW_TRACKING_AWS_SIGV4", "MLFLOW_TRACKING_INSECURE_TLS", "MLFLOW_WORKSPACE",
     "MLFLOW_TRACKING_OF_A_LATER_VERSION"],
)  # fmt: skip
def test_unknown_settings_go_through_mlflows_client(nothing_set: pytest.MonkeyPatch, setting: str) -> None:
    nothing_set.setenv(setting, "true")
    assert not _calls_directly()


def test_mlflows_credentials_file_is_left_to_mlflow(nothing_set: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".mlflow").mkdir()
    (tmp_path / ".mlflow" / "credentials").write_text("[mlflow]\nmlflow_tracking_username = me\n")
    assert not _calls_directly()


def test_headers_of_plug_ins_are_left_to_mlflow(nothing_set: pytest.MonkeyPatch) -> None:
    groups: list[str] = []
    nothing_set.setattr(server_session, "entry_points", lambda group: groups.append(group) or [object()])
    assert not _calls_directly()
    assert groups == ["mlflow.request_header_provider"]
