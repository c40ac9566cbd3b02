"""Requests to an MLflow server without MLflow's client, over connections that stay open.

This module uses only what MLflow documents: its REST interface, its settings ``MLFLOW_…``, its exceptions, the entry
points of its plug-ins. Tried with MLflow 3.17. If a setting is unknown here, MLflow's client sends the requests, which
takes a quarter longer for each trial: see ``needs_client``.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from http import HTTPStatus
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ratefront
from ratefront.safe_text import has_credentials

if TYPE_CHECKING:
    from requests import Response, Session

API = "/api/2.0/mlflow/"
#: Connections that stay open to a server. As many calls can run at the same time.
CONNECTIONS = 8

USER, PASSWORD, TOKEN = "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN"
SERVER_CERTIFICATE, OWN_CERTIFICATE = "MLFLOW_TRACKING_SERVER_CERT_PATH", "MLFLOW_TRACKING_CLIENT_CERT_PATH"
KNOWN = {"MLFLOW_TRACKING_URI", USER, PASSWORD, TOKEN, SERVER_CERTIFICATE, OWN_CERTIFICATE}
_CREDENTIALS = Path("~/.mlflow/credentials")
_HEADER_PLUGINS = "mlflow.request_header_provider"


def needs_client() -> bool:
    """Return whether requests need more than user and password, a token or a certificate from the environment.

    Any other variable ``MLFLOW_TRACKING_…`` counts, also one that only a later MLflow knows.
    """
    settings = {name for name, value in os.environ.items() if name.startswith("MLFLOW_TRACKING_") and value}
    return bool(
        settings - KNOWN
        or os.environ.get("MLFLOW_WORKSPACE")
        or _CREDENTIALS.expanduser().exists()
        or entry_points(group=_HEADER_PLUGINS)
    )


class ServerSession:
    """A session with one server. Several threads may post at the same time.

    The settings in the environment are read when it connects, and again after a failed request: a token may have
    expired.
    """

    def __init__(self, uri: str) -> None:
        self._uri = uri.rstrip("/")
        self._session: Session | None = None

    def post(self, call: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Call MLflow's REST interface, such as ``runs/create``, and return the answer.

        Raises:
            MlflowException: The server does not answer, or answers with an error.
            HTTPError: A proxy, or the check of the password, answers with an error.
        """
        from mlflow.environment_variables import MLFLOW_HTTP_REQUEST_TIMEOUT
        from mlflow.exceptions import MlflowException
        from requests import RequestException

        url = f"{self._uri}{API}{call}"
        try:
            answer = self._connected().post(url, json=body, timeout=MLFLOW_HTTP_REQUEST_TIMEOUT.get())
            if answer.status_code == HTTPStatus.OK:
                body_of_answer: dict[str, Any] = answer.json()
                return body_of_answer
        except RequestException as error:
            self._session = None
            raise MlflowException(f"API request to {url} failed with exception {error}") from error
        self._session = None
        raise _refusal(call, answer)

    def _connected(self) -> Session:
        session = self._session  # another thread may drop it meanwhile
        if session is None:
            session = self._session = _session(self._uri)
        return session


def _refusal(call: str, answer: Response) -> Exception:
    """Return the error that MLflow's client would raise, if the answer has MLflow's form."""
    from mlflow.exceptions import RestException
    from requests import HTTPError, JSONDecodeError

    try:
        body = answer.json()
    except JSONDecodeError:
        body = None
    if isinstance(body, dict):
        return RestException(body)
    return HTTPError(f"{call}: status {answer.status_code}. Response body: '{answer.text}'", response=answer)


def _session(uri: str) -> Session:
    from requests import Session
    from requests.adapters import HTTPAdapter

    session = Session()
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(pool_maxsize=CONNECTIONS))
    session.headers["User-Agent"] = f"ratefront/{ratefront.__version__}"
    _identify(session, uri)
    verify = os.environ.get(SERVER_CERTIFICATE) or True
    settings = session.merge_environment_settings(uri, {}, None, verify, os.environ.get(OWN_CERTIFICATE))
    session.proxies, session.verify, session.cert = settings["proxies"], settings["verify"], settings["cert"]
    session.trust_env = False
    return session


def _identify(session: Session, uri: str) -> None:
    """Set user and password, or the token. Those in the address come first: requests uses them by itself."""
    from requests.auth import HTTPBasicAuth
    from requests.utils import get_netrc_auth

    user, password, token = map(os.environ.get, (USER, PASSWORD, TOKEN))
    if has_credentials(uri):
        return
    if user and password:
        session.auth = HTTPBasicAuth(user.encode(), password.encode())
    elif token:
        session.headers["Authorization"] = f"Bearer {token}"
    else:
        session.auth = get_netrc_auth(uri)
