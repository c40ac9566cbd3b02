"""The messages of a failing tracker, from the errors that MLflow really raises."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from requests import HTTPError, Response
from tests.tracking.recording_server import Listener

from ratefront.errors import InputError
from ratefront.tracking.delivery.delivery_errors import describe_error, is_refusal
from ratefront.tracking.mlflow.run_calls import ClientCalls, ServerCalls


@pytest.fixture(params=["client", "direct"])
def answered(
    request: pytest.FixtureRequest, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> Callable[[int, str], Exception]:
    """The errors that follow from an answer, through MLflow's client and without it."""
    from mlflow import MlflowClient

    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    uri = listener.uri
    calls = ServerCalls(uri) if request.param == "direct" else ClientCalls(MlflowClient(uri))

    def answered(status: int, body: str) -> Exception:
        listener.answer = status, body
        with pytest.raises(Exception) as caught:  # noqa: PT011
            calls.create("7", "t0001", 5, {})
        return caught.value

    return answered


def unanswered(uri: str) -> Exception:
    from mlflow import MlflowClient

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
        with pytest.raises(Exception) as caught:  # noqa: PT011
            MlflowClient(tracking_uri=uri).get_experiment("0")
    return caught.value


def test_an_unknown_user_learns_what_to_set(answered: Callable[[int, str], Exception]) -> None:
    error = answered(401, "You are not authenticated.")
    assert is_refusal(error)
    assert "MLFLOW_TRACKING_USERNAME" in describe_error(error)


@pytest.mark.parametrize(
    "body",
    ["Permission denied", json.dumps({"error_code": "PERMISSION_DENIED", "message": "Permission denied"})],
)
def test_a_forbidden_user_sees_the_servers_reason(
    answered: Callable[[int, str], Exception], body: str
) -> None:
    error = answered(403, body)
    assert is_refusal(error)
    assert describe_error(error).startswith("the tracking server forbids it (403): ")
    assert describe_error(error).endswith("Permission denied")


def test_an_html_page_instead_of_an_answer_is_no_refusal(answered: Callable[[int, str], Exception]) -> None:
    """A proxy that logs people in, or one whose server is away."""
    assert not is_refusal(answered(200, "<p>Who are you?</p>"))
    error = answered(502, "<p>Bad gateway</p>")
    assert not is_refusal(error)
    assert "502" in describe_error(error)


def test_a_forbidden_upload_is_a_refusal() -> None:
    answer = Response()
    answer.status_code = 401
    assert is_refusal(HTTPError("401 Client Error", response=answer))


def test_an_input_error_is_not_retried() -> None:
    assert is_refusal(InputError("experiment 'x' was deleted"))
    assert describe_error(InputError("experiment 'x' was deleted")) == "experiment 'x' was deleted"


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_server_error_is_retried(answered: Callable[[int, str], Exception], status: int) -> None:
    assert not is_refusal(answered(status, json.dumps({"error_code": "INTERNAL_ERROR", "message": "busy"})))


def test_no_answer_gives_address_and_cause_without_password() -> None:
    error = unanswered("http://me:secret@127.0.0.1:9")
    assert not is_refusal(error)
    assert describe_error(error) == "http://***@127.0.0.1:9 does not answer: Connection refused"


@pytest.mark.parametrize(
    ("cause", "expected"),
    [
        (
            "HTTPSConnectionPool(host='h', port=5000): Max retries exceeded with url: /api/2.0/mlflow/experiments/get "
            "(Caused by SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify "
            "failed: self-signed certificate (_ssl.c:992)')))",
            "certificate verify failed: self-signed certificate",
        ),
        (
            "('Connection aborted.', RemoteDisconnected('Remote end closed connection without response'))",
            "Remote end closed connection without response",
        ),
        ("HTTPConnectionPool(host='h', port=5000): Read timed out. (read timeout=30)", "timed out"),
        ("an unknown cause", "an unknown cause"),
    ],
)
def test_an_unreachable_server_gives_the_innermost_cause(cause: str, expected: str) -> None:
    error = OSError(f"API request to https://h:5000/api/2.0/mlflow/runs/create failed with exception {cause}")
    assert describe_error(error) == f"https://h:5000 does not answer: {expected}"


def test_an_untrusted_certificate_is_not_retried() -> None:
    assert is_refusal(OSError("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed"))


def test_other_errors_give_their_class_in_one_line() -> None:
    assert describe_error(ValueError("no such\nthing")) == "ValueError: no such"
