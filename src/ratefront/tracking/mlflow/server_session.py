"""Requests to a server of MLflow's without MLflow's client, over connections that stay open.

Only what MLflow documents stands here: its REST interface, its settings ``MLFLOW_…``, its exceptions, the entry points
of its plug-ins. Tried with MLflow 3.17. A setting that is not known here is left to MLflow's client, which takes a
quarter longer over a trial: see ``needs_client``.
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
#: Kept open to a server; as many calls may come at once.
CONNECTIONS = 8

USER, PASSWORD, TOKEN = "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN"
SERVER_CERTIFICATE, OWN_CERTIFICATE = "MLFLOW_TRACKING_SERVER_CERT_PATH", "MLFLOW_TRACKING_CLIENT_CERT_PATH"
KNOWN = {"MLFLOW_TRACKING_URI", USER, PASSWORD, TOKEN, SERVER_CERTIFICATE, OWN_CERTIFICATE}
_CREDENTIALS = Path("~/.mlflow/credentials")
_HEADER_PLUGINS = "mlflow.request_header_provider"


def needs_client() -> bool:
    """True where requests carry more than user and password, a token or a certificate from the environment.

    Whatever else is set as ``MLFLOW_TRACKING_…`` counts, also what a later MLflow knows and we do not.
    """
    settings = {name for name, value in os.environ.items() if name.startswith("MLFLOW_TRACKING_") and value}
    return bool(
        settings - KNOWN
        or os.environ.get("MLFLOW_WORKSPACE")
        or _CREDENTIALS.expanduser().exists()
        or entry_points(group=_HEADER_PLUGINS)
    )


class ServerSession:
    """Several threads may post at once.

    Settings of the environment are looked up when connecting, and again after a request that failed: a token may have
    run out.
    """

    def __init__(self, uri: str) -> None:
        self._uri = uri.rstrip("/")
        self._session: Session | None = None

    def post(self, call: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to a call of MLflow's REST interface, such as ``runs/create``.

        Raises:
            MlflowException: The server does not answer, or says no.
            HTTPError: Somebody else says no: a proxy, or whoever asks for the password.
        """
        from mlflow.environment_variables import MLFLOW_HTTP_REQUEST_TIMEOUT
        from mlflow.exceptions import MlflowException
        from requests import RequestException

        url = f"{self._uri}{API}{call}"
        try:
            answer = self._connected().post(url, json=body, timeout=MLFLOW_HTTP_REQUEST_TIMEOUT.get())
            if answer.status_code == HTTPStatus.OK:
                found: dict[str, Any] = answer.json()
                return found
        except RequestException as error:
            self._session = None
            raise MlflowException(f"API request to {url} failed with exception {error}") from error
        self._session = None
        raise _refusal(call, answer)

    def _connected(self) -> Session:
        session = self._session  # another lane may drop it meanwhile
        if session is None:
            session = self._session = _session(self._uri)
        return session


def _refusal(call: str, answer: Response) -> Exception:
    """As MLflow's client raises it where the server says why in MLflow's form."""
    from mlflow.exceptions import RestException
    from requests import HTTPError, JSONDecodeError

    try:
        said = answer.json()
    except JSONDecodeError:
        said = None
    if isinstance(said, dict):
        return RestException(said)
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
    found = session.merge_environment_settings(uri, {}, None, verify, os.environ.get(OWN_CERTIFICATE))
    session.proxies, session.verify, session.cert = found["proxies"], found["verify"], found["cert"]
    session.trust_env = False
    return session


def _identify(session: Session, uri: str) -> None:
    """With what the address says, before what the environment says: requests does this by itself."""
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
