"""Addresses of tracking stores, and the default one."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

from ratefront.errors import InputError
from ratefront.safe_text import address_problem, without_credentials
from ratefront.wording import Argument, Message

SQLITE = "sqlite:///"
#: Beside the sweep's folder.
DEFAULT_DATABASE = "mlflow.db"
_USUAL_PORTS = {"http": 80, "https": 443, "postgresql": 5432, "mysql": 3306, "mssql": 1433}
_SERVERS = ("http", "https")
_DATABASES = ("postgresql", "mysql", "mssql")  # each also with a driver, as postgresql+psycopg2
_RULE_FOR_USER_INFO = (
    "in the tracking address, write each of the characters @ / ? # % in user or password as % and its two hex "
    "digits (@ is %40)"
)


def sqlite_uri(path: Path) -> str:
    """Return the address of the store in this SQLite file, which need not exist.

    Raises:
        InputError: The address would lead to another file: it ends at the path's first ``?``.
    """
    path = path.expanduser().resolve()
    if "?" in str(path):
        raise InputError(
            Message(
                f"MLflow cannot open the database {path}, because of the '?' in its path; give another place with ",
                Argument("tracking_uri"),
            )
        )
    return f"{SQLITE}{path}"


def sqlite_path(uri: str) -> Path | None:
    """Return the file of a SQLite store; None for every other kind."""
    return Path(uri.removeprefix(SQLITE).split("?")[0]).resolve() if uri.startswith(SQLITE) else None


def is_server(uri: str) -> bool:
    """Return whether the address is that of an HTTP server."""
    return urlsplit(uri).scheme in _SERVERS


def default_uri(sweep_folder: Path) -> str:
    """Return the address of ``mlflow.db`` beside the sweep's folder, so that one store holds all sweeps."""
    return sqlite_uri(sweep_folder.resolve().parent / DEFAULT_DATABASE)


def artifact_location(uri: str, folder: Path | None = None) -> str | None:
    """Return where an experiment's files go, as a URI; None if a server decides.

    It is ``mlartifacts`` beside the database file, or in ``folder`` for a database that is reached over a network.
    """
    if is_server(uri):
        return None
    path = sqlite_path(uri)
    beside = folder if path is None else path.parent
    return None if beside is None else (beside / "mlartifacts").absolute().as_uri()


def resolve_uri(explicit: str | None, sweep_folder: Path) -> str:
    """Return the address that was given, or the default one. A plain path to a ``.db`` file is a SQLite store.

    Raises:
        InputError: The address is malformed or of a kind that cannot hold a sweep, its password could be read as part
            of the host, or MLflow cannot name the folder.
    """
    _check_text(sweep_folder)
    if explicit is None:
        return default_uri(sweep_folder)
    if problem := address_problem(explicit):
        raise InputError(_RULE_FOR_USER_INFO if "@" in explicit else f"the tracking address {problem}")
    parts = urlsplit(explicit)
    if not parts.scheme and explicit.endswith((".db", ".sqlite")):
        return sqlite_uri(Path(explicit))
    is_server_with_host = parts.scheme in _SERVERS and parts.netloc
    is_database = parts.scheme.partition("+")[0] in _DATABASES
    if not (is_server_with_host or is_database or explicit.startswith(SQLITE)):
        raise InputError(
            f"tracking address {without_credentials(explicit)!r} is neither a .db file nor one of "
            f"sqlite:///FILE, http(s)://HOST:PORT, postgresql://…, mysql://…, mssql://…"
        )
    path = sqlite_path(explicit)
    if path is not None:
        return sqlite_uri(path)
    _check_user_info(explicit)
    return explicit


def _check_text(folder: Path) -> None:
    """Refuse a folder whose name is not UTF-8: MLflow keeps it as text, and puts files into another folder."""
    name = str(folder.resolve())
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise InputError(
            f"MLflow cannot name the folder {name!a}: its name is not UTF-8; choose another"
        ) from error


def is_same_store(one: str, other: str) -> bool:
    """Return whether two addresses name the same store. User and password do not count."""
    return store_of(one) == store_of(other)


def store_of(uri: str) -> tuple[str, str, int | None, str, str]:
    """Return what tells a store from others: scheme, host, port, path and query of its address, in one form."""
    path = sqlite_path(uri)
    if path is not None:
        return "sqlite", "", None, str(path), ""
    parts = urlsplit(uri)
    scheme, host = parts.scheme.split("+")[0], parts.hostname or ""
    port = parts.port or _USUAL_PORTS.get(scheme)
    return scheme, "127.0.0.1" if host == "localhost" else host, port, parts.path.rstrip("/"), parts.query


def _check_user_info(uri: str) -> None:
    """Refuse a password with characters that end it in an address: its rest would be taken for the host, and shown."""
    netloc = urlsplit(uri).netloc
    user_info = netloc.rpartition("@")[0]
    if "@" in user_info or "@" in uri.replace(netloc, "", 1):
        raise InputError(_RULE_FOR_USER_INFO)
    if is_server(uri) and not unquote(user_info).isascii():
        raise InputError(
            "a user or password with letters beyond a to z cannot stand in the tracking address: give them as "
            "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"
        )
