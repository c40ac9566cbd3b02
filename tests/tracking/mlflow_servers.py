"""Real servers for tests: PostgreSQL, and MLflow's over it. Each may be killed and comes back where it was."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
import warnings
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self
from urllib.error import URLError
from urllib.parse import quote
from urllib.request import urlopen

from ratefront.tracking.browsing import mlflow_ui
from ratefront.tracking.browsing.local_server import HOST, any_free_port

SECONDS_TO_START = 120.0
SECONDS_BETWEEN_LOOKS = 0.1


class Postgres:
    """PostgreSQL on a socket in a folder of its own. It lets in any user, with any password.

    Where root starts it, it runs as another user, who must get into that folder: pytest's are closed to others.
    """

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="postgres-")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # no XDG_RUNTIME_DIR: it takes another folder
            import pgserver
        self._commands = pgserver
        self._server = pgserver.get_server(Path(self._folder.name) / "data", cleanup_mode="stop")

    def uri(self, database: str = "postgres", password: str = "") -> str:
        return f"postgresql://postgres:{password}@/{database}?host={self._server.pgdata}"

    def create(self, database: str, like: str = "template1") -> str:
        """Make a database as a copy of another one, from which all are thrown out, and give its address."""
        self.run(f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{like}'")
        self.run(f'CREATE DATABASE "{database}" TEMPLATE "{like}"')
        return self.uri(database)

    def run(self, command: str) -> None:
        import psycopg2

        with closing(psycopg2.connect(self.uri())) as connection:
            connection.autocommit = True
            connection.cursor().execute(command)

    def dump(self) -> str:
        """All that all databases hold, as text."""
        return str(self._commands.pg_dumpall(["--dbname", self.uri()]))

    def crash(self) -> None:
        """End at once, as where power fails: all connections break, and the next start recovers from the log."""
        options = {"pgdata": self._server.pgdata, "user": self._server.system_user}
        self._commands.pg_ctl(["stop", "--mode", "immediate"], **options)

    def start(self) -> None:
        self._server.ensure_postgres_running()

    def remove(self) -> None:
        self.crash()
        self._server.cleanup()
        self._folder.cleanup()


@dataclass
class MlflowServer:
    """``mlflow server`` over a database, keeping files in ``folder``; started again it is at the same address."""

    store_uri: str
    folder: Path
    options: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    served_by: tuple[str, ...] = mlflow_ui.QUIET_UVICORN
    port: int = field(default_factory=any_free_port)
    _process: subprocess.Popen[bytes] | None = None

    @property
    def uri(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def artifacts(self) -> Path:
        return self.folder / "artifacts"

    @property
    def log(self) -> Path:
        return self.folder / "log.txt"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self) -> None:
        self.start_soon()
        self.wait_until_healthy()

    def start_unless_running(self) -> None:
        if self._process is None:
            self.start_soon()
        self.wait_until_healthy()

    def command(self) -> list[str]:
        return [*mlflow_ui.command(self.port, self.served_by), *self.options]

    def settings(self) -> dict[str, str]:
        return {
            **mlflow_ui.environment(self.store_uri),
            "MLFLOW_ARTIFACTS_DESTINATION": self.artifacts.as_uri(),
            **self.environment,
        }

    def start_soon(self) -> None:
        """Start, and do not wait until it answers."""
        self.artifacts.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self.command(),
                env={**os.environ, **self.settings()},
                cwd=self.folder,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def wait_until_healthy(self) -> None:
        assert self._process is not None
        deadline = time.monotonic() + SECONDS_TO_START
        while not self._answers():
            assert self._process.poll() is None, f"the server has ended:\n{self.log.read_text()}"
            assert time.monotonic() < deadline, f"the server does not answer:\n{self.log.read_text()}"
            time.sleep(SECONDS_BETWEEN_LOOKS)

    def _answers(self) -> bool:
        try:
            with urlopen(f"{self.uri}/health") as answer:
                return bool(answer.status == 200)
        except (URLError, ConnectionError):
            return False

    def kill(self) -> None:
        """Its whole group, with SIGKILL, in whatever it is doing."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None


class Guarded:
    """A server with passwords. Its users are in the same database; all may read, and write what they created."""

    ADMIN = "admin"

    def __init__(self, store_uri: str, folder: Path) -> None:
        settings = folder / "auth.ini"
        settings.write_text(
            f"[mlflow]\ndatabase_uri = {store_uri}\nadmin_username = {self.ADMIN}\n"
            "default_permission = READ\nauth_cache_ttl_seconds = 60\n"
        )
        self.passwords = {self.ADMIN: _password(self.ADMIN)}
        environment = {
            "MLFLOW_AUTH_CONFIG_PATH": str(settings),
            "MLFLOW_AUTH_ADMIN_PASSWORD": self.passwords[self.ADMIN],
            "MLFLOW_FLASK_SERVER_SECRET_KEY": os.urandom(16).hex(),
        }
        self.server = MlflowServer(store_uri, folder, ("--app-name", "basic-auth"), environment)

    def address_of(self, user: str, password: str | None = None) -> str:
        quoted = quote(self.passwords[user] if password is None else password, safe="")
        return f"http://{user}:{quoted}@{HOST}:{self.server.port}"

    def add(self, user: str) -> None:
        import requests

        self.passwords[user] = _password(user)
        answer = requests.post(
            f"{self.server.uri}/api/2.0/mlflow/users/create",
            json={"username": user, "password": self.passwords[user]},
            auth=(self.ADMIN, self.passwords[self.ADMIN]),
            timeout=60,
        )
        answer.raise_for_status()


def _password(user: str) -> str:
    """With every character that must be escaped in an address."""
    return f"{user}'s p@ss/w:rd?#1%"
