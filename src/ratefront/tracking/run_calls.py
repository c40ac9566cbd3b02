"""The calls that every trial takes: through MLflow's client, or straight to a server.

MLflow's client asks at every request anew whether it runs on Databricks, and copies every value three times: of what a
trial costs at both ends together it is a fifth.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from ratefront.text import has_credentials
from ratefront.tracking import uri as addresses
from ratefront.tracking.presentation import Point, RunStatus

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from requests import Session

Pair: TypeAlias = tuple[str, str]

API = "/api/2.0/mlflow/"
#: Kept open to a server; as many calls may come at once.
CONNECTIONS = 8


class RunCalls(Protocol):
    """What is said of one run at a time. Several threads may call at once."""

    def create(self, experiment_id: str, name: str, start_ms: int, tags: Mapping[str, str]) -> str:
        """Make a run and give its id."""

    def log(self, run_id: str, points: Sequence[Point], params: Sequence[Pair], tags: Sequence[Pair]) -> None:
        """Together no more than MLflow takes at once."""

    def add_dataset(self, run_id: str, dataset: Mapping[str, str], context: str) -> None:
        """``dataset`` has MLflow's fields of one."""

    def update(self, run_id: str, status: RunStatus, end_ms: int | None = None) -> None:
        """End a run, or open it again."""


def run_calls(uri: str, client: MlflowClient) -> RunCalls:
    """Straight to a server that asks for no more than user and password or a token; else as the client does it."""
    from mlflow.utils.credentials import get_default_host_creds
    from mlflow.utils.workspace_context import get_request_workspace

    credentials = get_default_host_creds(uri)
    is_usual = not (credentials.aws_sigv4 or credentials.auth or get_request_workspace())
    return ServerCalls(uri) if addresses.is_server(uri) and is_usual else ClientCalls(client)


class ClientCalls:
    """Through MLflow's client."""

    def __init__(self, client: MlflowClient) -> None:
        self._client = client

    def create(self, experiment_id: str, name: str, start_ms: int, tags: Mapping[str, str]) -> str:
        made = self._client.create_run(experiment_id, start_time=start_ms, tags=dict(tags), run_name=name)
        return str(made.info.run_id)

    def log(self, run_id: str, points: Sequence[Point], params: Sequence[Pair], tags: Sequence[Pair]) -> None:
        from mlflow.entities import Metric, Param, RunTag

        self._client.log_batch(
            run_id,
            [Metric(point.key, point.value, point.time_ms, point.step) for point in points],
            [Param(*item) for item in params],
            [RunTag(*item) for item in tags],
        )

    def add_dataset(self, run_id: str, dataset: Mapping[str, str], context: str) -> None:
        from mlflow.entities import Dataset, DatasetInput, InputTag

        used = DatasetInput(Dataset(**dataset), [InputTag("mlflow.data.context", context)])
        self._client.log_inputs(run_id, datasets=[used])

    def update(self, run_id: str, status: RunStatus, end_ms: int | None = None) -> None:
        if end_ms is None:
            self._client.update_run(run_id, status=status)
        else:
            self._client.set_terminated(run_id, status, end_ms)


class ServerCalls:
    """Over HTTP, on connections that stay open.

    What MLflow adds to a request (user and password or token, certificates, plug-ins' headers) is asked of it when
    connecting, and again after a request that failed: a token may have run out.
    """

    def __init__(self, uri: str) -> None:
        self._uri = uri.rstrip("/")
        self._session: Session | None = None

    def create(self, experiment_id: str, name: str, start_ms: int, tags: Mapping[str, str]) -> str:
        answer = self._post(
            "runs/create",
            {
                "experiment_id": experiment_id,
                "run_name": name,
                "start_time": start_ms,
                "tags": _pairs(tags.items()),
            },
        )
        return str(answer["run"]["info"]["run_id"])

    def log(self, run_id: str, points: Sequence[Point], params: Sequence[Pair], tags: Sequence[Pair]) -> None:
        metrics = [
            {"key": point.key, "value": point.value, "timestamp": point.time_ms, "step": point.step}
            for point in points
        ]
        self._post(
            "runs/log-batch",
            {"run_id": run_id, "metrics": metrics, "params": _pairs(params), "tags": _pairs(tags)},
        )

    def add_dataset(self, run_id: str, dataset: Mapping[str, str], context: str) -> None:
        used = {"dataset": dict(dataset), "tags": _pairs([("mlflow.data.context", context)])}
        self._post("runs/log-inputs", {"run_id": run_id, "datasets": [used]})

    def update(self, run_id: str, status: RunStatus, end_ms: int | None = None) -> None:
        end = {} if end_ms is None else {"end_time": end_ms}
        self._post("runs/update", {"run_id": run_id, "status": status, **end})

    def _post(self, call: str, body: Mapping[str, Any]) -> dict[str, Any]:
        from mlflow.environment_variables import MLFLOW_HTTP_REQUEST_TIMEOUT
        from mlflow.exceptions import MlflowException
        from mlflow.utils.rest_utils import verify_rest_response
        from requests import RequestException

        session, url = self._connected(), f"{self._uri}{API}{call}"
        try:
            answer = session.post(url, json=body, timeout=MLFLOW_HTTP_REQUEST_TIMEOUT.get())
            found: dict[str, Any] = verify_rest_response(answer, API + call).json()
        except RequestException as error:
            self._session = None
            raise MlflowException(f"API request to {url} failed with exception {error}") from error
        except MlflowException:
            self._session = None
            raise
        return found

    def _connected(self) -> Session:
        session = self._session  # another lane may drop it meanwhile
        if session is None:
            session = self._session = _session(self._uri)
        return session


def _session(uri: str) -> Session:
    """Settings of the environment are looked up here, and not at each request."""
    from mlflow.tracking.request_header.registry import resolve_request_headers
    from mlflow.utils.credentials import get_default_host_creds
    from requests import Session
    from requests.adapters import HTTPAdapter
    from requests.utils import get_netrc_auth

    session, credentials = Session(), get_default_host_creds(uri)
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(pool_maxsize=CONNECTIONS))
    session.headers.update(resolve_request_headers())
    if has_credentials(uri):
        pass  # requests takes them from the address, before what the environment says, as MLflow's client lets it
    elif credentials.username and credentials.password:
        session.auth = (credentials.username.encode(), credentials.password.encode())
    elif credentials.token:
        session.headers["Authorization"] = f"Bearer {credentials.token}"
    else:
        session.auth = get_netrc_auth(uri)
    found = session.merge_environment_settings(
        uri, {}, None, credentials.verify, credentials.client_cert_path
    )
    session.proxies, session.verify, session.cert = found["proxies"], found["verify"], found["cert"]
    session.trust_env = False
    return session


def _pairs(items: Iterable[Pair]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in items]
