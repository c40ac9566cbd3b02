"""What every trial says to a server, as it goes over the wire: no more than MLflow's own client, and the same."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from ratefront.tracking.presentation import Point
from ratefront.tracking.run_calls import ClientCalls, RunCalls, ServerCalls, run_calls

_RUN = {"run_id": "a" * 32, "run_uuid": "a" * 32, "experiment_id": "7", "status": "RUNNING", "start_time": 5}
_MADE = {"info": _RUN, "data": {}, "inputs": {}}


class _Listener(ThreadingHTTPServer):
    """Takes every request as a server of MLflow's would, and keeps path, body and headers."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.heard: list[tuple[str, Any, dict[str, str]]] = []
        self.refuses = False
        self.connections = 0

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def finish_request(self, *args: Any) -> None:
        self.connections += 1
        super().finish_request(*args)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Listener

    def do_GET(self) -> None:
        """MLflow's client looks at a run before it opens it again."""
        self._answer({"run": _MADE})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.heard.append((self.path, body, dict(self.headers)))
        self._answer({"run": _MADE} if self.path.endswith("create") else {})

    def _answer(self, answer: object) -> None:
        if self.server.refuses:
            answer = {"error_code": "PERMISSION_DENIED", "message": "not yours"}
        content = json.dumps(answer).encode()
        self.send_response(403 if self.server.refuses else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def listener() -> Iterator[_Listener]:
    with _Listener() as listener:
        thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield listener
        listener.shutdown()
        thread.join()


def _say_all(calls: RunCalls) -> None:
    run_id = calls.create("7", "t0001 split", 1_700_000_000_250, {"trial_id": "t0001", "note": "**β** < 1"})
    points = [
        Point("epoch/loss", 0.1, 1_700_000_000_500, 1),
        Point("epoch/loss", 1e-300, 1_700_000_000_750, 2),
    ]
    calls.log(run_id, points, [("hp/beta", "0.02")], [("status", "finished")])
    calls.log(run_id, [], [], [("status_reason", "")])
    calls.add_dataset(run_id, {"name": "digits", "digest": "ab", "source_type": "x", "source": "{}"}, "test")
    calls.update(run_id, "FINISHED", 1_700_000_001_000)
    calls.update(run_id, "RUNNING")


def test_a_server_hears_what_mlflows_client_would_say(
    listener: _Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import MlflowClient

    monkeypatch.setenv("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")  # as our store has it
    _say_all(ServerCalls(listener.uri))
    ours, listener.heard = listener.heard, []
    _say_all(ClientCalls(MlflowClient(listener.uri)))
    theirs = listener.heard
    assert [path for path, _, _ in ours] == [path for path, _, _ in theirs]
    for (path, said, _), (_, meant, _) in zip(ours, theirs, strict=True):
        assert _without_defaults(said) == _without_defaults(meant), path


def _without_defaults(body: dict[str, Any]) -> dict[str, Any]:
    """MLflow's client also names the run by its old key, and a user, of whom it knows nothing here."""
    return {
        key: value
        for key, value in body.items()
        if key not in ("run_uuid", "user_id") and value not in ([], "")
    }


def test_connections_are_kept(listener: _Listener) -> None:
    _say_all(ServerCalls(listener.uri))
    assert listener.connections == 1


def test_user_and_password_or_token_go_with_every_request(
    listener: _Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "ö")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "p:w")
    _say_all(ServerCalls(listener.uri))
    assert {headers["Authorization"] for _, _, headers in listener.heard} == {"Basic w7Y6cDp3"}
    monkeypatch.delenv("MLFLOW_TRACKING_PASSWORD")
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "secret")
    listener.heard = []
    _say_all(ServerCalls(listener.uri))
    assert {headers["Authorization"] for _, _, headers in listener.heard} == {"Bearer secret"}


def test_after_a_refusal_the_password_is_asked_for_again(
    listener: _Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow.exceptions import RestException

    calls, listener.refuses = ServerCalls(listener.uri), True
    with pytest.raises(RestException, match="not yours") as caught:
        calls.update("a" * 32, "RUNNING")
    assert caught.value.get_http_status_code() == 403
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "new")
    listener.refuses = False
    calls.update("a" * 32, "RUNNING")
    assert [headers.get("Authorization") for _, _, headers in listener.heard] == [None, "Bearer new"]


def test_a_server_that_is_away_is_told_as_mlflow_tells_it() -> None:
    from mlflow.exceptions import MlflowException

    with pytest.raises(
        MlflowException, match=r"API request to http://127.0.0.1:9/api/\S+ failed with exception"
    ):
        ServerCalls("http://127.0.0.1:9").update("a" * 32, "RUNNING")


def test_what_needs_more_than_a_password_goes_through_mlflows_client(monkeypatch: pytest.MonkeyPatch) -> None:
    from mlflow import MlflowClient

    client = MlflowClient("http://127.0.0.1:9")
    assert isinstance(run_calls("http://127.0.0.1:9", client), ServerCalls)
    assert isinstance(run_calls("sqlite:////tmp/no.db", client), ClientCalls)
    for name, value in (("MLFLOW_TRACKING_AUTH", "plug-in"), ("MLFLOW_WORKSPACE", "team")):
        with monkeypatch.context() as patch:
            patch.setenv(name, value)
            assert isinstance(run_calls("http://127.0.0.1:9", client), ClientCalls)
