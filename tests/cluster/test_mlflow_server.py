"""MLflow's server as the launch files start it: their command and settings on a real PostgreSQL, with passwords."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from tests.builders import FakeSweep, label
from tests.cluster.launch_files import (
    MLFLOW,
    ROOT,
    compose,
    of_kind,
    settings,
    unit_command,
    unit_environment,
)
from tests.tracking.mlflow_servers import MlflowServer, Postgres
from tests.tracking.tracked_places import MlflowPlace, by_trial
from typer.testing import CliRunner

from ratefront.cli import app
from ratefront.tracking.browsing.local_server import HOST

pytestmark = pytest.mark.medium

OWN_VALUES = {
    "--host",
    "--allowed-hosts",
}  # options that differ: where it listens, and the names it answers to


def compose_command() -> list[str]:
    return list(compose()["services"]["mlflow"]["command"])


def pod_command() -> list[str]:
    (container,) = of_kind("Deployment", "mlflow")["spec"]["template"]["spec"]["containers"]
    return list(container["command"])


def options(command: list[str]) -> dict[str, str]:
    """Options of ``mlflow server`` by name; the program's path does not matter."""
    program, verb, *words = command
    assert (Path(program).name, verb) == ("mlflow", "server")
    return dict(zip(words[::2], words[1::2], strict=True))


def without(found: dict[str, str], names: set[str]) -> dict[str, str]:
    return {name: value for name, value in found.items() if name not in names}


def test_the_three_launch_files_start_the_same_server() -> None:
    unit, *others = (options(command) for command in (unit_command(), compose_command(), pod_command()))
    assert set(unit) == {"--host", "--port", "--workers", "--app-name", "--allowed-hosts"}
    for other in others:
        assert without(other, OWN_VALUES) == without(unit, OWN_VALUES)
        assert set(other) == set(unit)
    assert unit["--host"] == "127.0.0.1"
    assert "*" not in unit["--allowed-hosts"]


def test_the_three_launch_files_give_the_same_settings() -> None:
    (container,) = of_kind("Deployment", "mlflow")["spec"]["template"]["spec"]["containers"]
    pod = {variable["name"]: variable["value"] for variable in container["env"]}
    places = {"PGHOST", "MLFLOW_ARTIFACTS_DESTINATION", "MLFLOW_AUTH_CONFIG_PATH"}
    of_store = {"AWS_DEFAULT_REGION", "MLFLOW_S3_ENDPOINT_URL"}
    secrets = {"PGPASSWORD", "MLFLOW_AUTH_ADMIN_PASSWORD", "MLFLOW_FLASK_SERVER_SECRET_KEY"}
    service = compose()["services"]["mlflow"]["environment"]
    expected = without(unit_environment(), places)
    assert without(pod, places | of_store) == expected
    assert without(service, places | secrets) == expected
    assert compose()["services"]["mlflow"]["ports"] == ["127.0.0.1:5000:5000"]
    assert set(settings((MLFLOW / "server.env.example").read_text())) >= secrets


class Launched(MlflowServer):
    """The unit's command and settings; only the port, the database's socket and the folders are those of the test."""

    ADMIN_PASSWORD = "the admin's first password"

    def command(self) -> list[str]:
        _, *words = (word.replace("5000", str(self.port)) for word in unit_command())
        return [str(Path(sys.executable).with_name("mlflow")), *words]

    def settings(self) -> dict[str, str]:
        return {
            **unit_environment(),
            **dict(self.environment),
            "MLFLOW_ARTIFACTS_DESTINATION": str(self.artifacts),
            "MLFLOW_AUTH_CONFIG_PATH": str(MLFLOW / "auth.ini"),
            "MLFLOW_AUTH_ADMIN_PASSWORD": self.ADMIN_PASSWORD,
            "MLFLOW_FLASK_SERVER_SECRET_KEY": "the same for all workers",
        }


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Launched]:
    postgres = Postgres()
    database = postgres.create("mlflow")
    try:
        of_database = {"PGHOST": database.partition("host=")[2], "PGUSER": "postgres"}
        with Launched(database, tmp_path_factory.mktemp("server"), environment=of_database) as server:
            yield server
    finally:
        postgres.remove()


def ask(server: Launched, password: str | None, user: str = "admin", **headers: str) -> requests.Response:
    return requests.get(
        f"{server.uri}/api/2.0/mlflow/experiments/search?max_results=1",
        auth=None if password is None else (user, password),
        headers=headers,
        timeout=60,
    )


@pytest.mark.slow
def test_only_users_get_in_and_only_by_its_names(server: Launched) -> None:
    assert ask(server, None).status_code == 401
    assert ask(server, "password1234").status_code == 401  # MLflow's default of once
    assert ask(server, server.ADMIN_PASSWORD).status_code == 200
    foreign = ask(server, server.ADMIN_PASSWORD, Host="attacker.example.org")
    assert (foreign.status_code, "Invalid Host header" in foreign.text) == (403, True)


@pytest.mark.slow
def test_a_later_start_needs_no_password_of_the_admin(server: Launched) -> None:
    """As with compose, where the first one was taken out of the file: the variable is there, and empty."""
    begin = "from mlflow.server.auth import bootstrap_admin_user; bootstrap_admin_user()"
    empty = {**os.environ, **server.settings(), "MLFLOW_AUTH_ADMIN_PASSWORD": ""}
    again = subprocess.run([sys.executable, "-c", begin], env=empty, capture_output=True, text=True)
    assert again.returncode == 0, again.stderr
    assert ask(server, server.ADMIN_PASSWORD).status_code == 200
    of_another = {**empty, "MLFLOW_AUTH_ADMIN_USERNAME": "another"}
    first = subprocess.run([sys.executable, "-c", begin], env=of_another, capture_output=True, text=True)
    assert "needs a password to create the admin user" in first.stderr


@pytest.mark.slow
@pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore:starlette"
)  # of what MLflow's server imports
def test_users_are_made_as_the_docs_say(server: Launched, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (ROOT / "docs" / "tracking.md").read_text().partition("### Users")[2]
    lines = (
        page.partition("```python\n")[2]
        .partition("```")[0]
        .replace("127.0.0.1:5000", f"{HOST}:{server.port}")
    )
    answers = iter([server.ADMIN_PASSWORD, "ann's long password", "the admin's second password"])
    monkeypatch.setattr("getpass.getpass", lambda _: next(answers))
    monkeypatch.setattr("os.environ", dict(os.environ))
    names: dict[str, Any] = {}
    exec(lines, names)
    assert next(answers, None) is None
    assert ask(server, "the admin's second password").status_code == 200
    assert ask(server, "ann's long password", user="ann").status_code == 200
    os.environ["MLFLOW_TRACKING_PASSWORD"] = "the admin's second password"
    names["users"].update_user_password("admin", server.ADMIN_PASSWORD, "the admin's second password")


@pytest.mark.slow
def test_a_sweep_gets_there_with_user_and_password(
    server: Launched, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = FakeSweep(tmp_path / "digits")
    sweep.finish(label(), 3.3, 0.97, 52_000)
    folder = sweep.end()
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "admin")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "a wrong password")
    arguments = ["track", str(folder.path), "--tracking-uri", server.uri]
    assert CliRunner().invoke(app, arguments).exit_code == 1
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", server.ADMIN_PASSWORD)
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    runs = by_trial(MlflowPlace(server.uri, "ratefront"))
    assert {name: run.status for name, run in runs.items()} == {"": "FINISHED", "t0000": "FINISHED"}
    assert "report.html" in runs[""].artifacts
    assert list(server.artifacts.rglob("report.html")), "files go through the server"
