"""The Optuna Dashboard of a sweep: what it answers, how it follows, what it refuses, how it ends."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from wsgiref.util import setup_testing_defaults

import psutil
import pytest
from tests.builders import FakeSweep
from tests.tracking.dashboard_process import COMMAND, Served, dashboard
from tests.tracking.dashboard_sweep import begin, digits, every_ending, values

from ratefront.errors import InputError, LedgerDamagedError, SpecError
from ratefront.history import events
from ratefront.store.ledger.read_ledger import read_history
from ratefront.store.sweep_folder import SweepFolder
from ratefront.tracking.browsing.local_server import HOST
from ratefront.tracking.browsing.optuna_dashboard import Dashboard, serve_dashboard


def test_a_folder_without_a_sweep_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not a sweep's folder: it has no ledger"):
        serve_dashboard(SweepFolder(tmp_path))


def test_a_sweep_that_has_not_begun_is_refused(tmp_path: Path) -> None:
    SweepFolder(tmp_path).ledger.touch()
    with pytest.raises(InputError, match="is empty: the sweep has not begun"):
        serve_dashboard(SweepFolder(tmp_path))


def test_a_damaged_ledger_is_reported_before_the_server_starts(tmp_path: Path) -> None:
    folder = every_ending(tmp_path).folder
    content = folder.ledger.read_bytes()
    folder.ledger.write_bytes(content.replace(b'"t0005"', b'"t0006"', 1))
    with pytest.raises(LedgerDamagedError, match="is damaged: entry"):
        serve_dashboard(folder)


def test_a_sweep_of_a_missing_package_is_refused(tmp_path: Path) -> None:
    spec = {**digits().spec.model_dump(mode="json"), "space": {"family": {"hologram": {}}}}
    sweep = FakeSweep(tmp_path, spec=spec, task_model=False)
    with pytest.raises(SpecError, match="hologram"):
        serve_dashboard(sweep.folder)


def test_a_taken_port_is_refused(tmp_path: Path) -> None:
    folder = begin(tmp_path).folder
    with socket.socket() as other:
        other.bind((HOST, 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(InputError, match=f"port {port} is taken; choose another with port=…"):
            serve_dashboard(folder, port)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with dashboard(every_ending(tmp_path_factory.mktemp("runs"))) as served:
        yield served


@pytest.mark.slow
def test_the_dashboard_has_every_trial_of_the_sweep(served: Served) -> None:
    (listed,) = served.get("studies")["study_summaries"]
    assert (listed["study_name"], listed["directions"]) == ("digits", ["minimize", "maximize", "minimize"])
    study, history = served.study, read_history(served.sweep.folder)
    assert study["objective_names"] == ["rate_bits", "accuracy", "transmitter_bytes"]
    assert [trial["number"] for trial in study["trials"]] == list(range(len(history.trials)))
    states = [trial["state"] for trial in study["trials"]]
    assert states == ["Complete"] * 6 + ["Pruned", "Pruned", "Fail", "Running", "Pruned", "Waiting"]
    for trial, known in zip(study["trials"], history.trials.values(), strict=True):
        if known.result is not None:
            assert trial["values"] == [known.result.objective(name) for name in study["objective_names"]]
        shown = {param["name"]: param["param_external_value"] for param in trial["params"]}
        assert shown["family"] == known.params.family
    assert "sweep's ledger" in study["note"]["body"]


@pytest.mark.slow
def test_a_collapsed_trial_is_infeasible_and_not_a_best_trial(served: Served) -> None:
    study = served.study
    assert [trial["number"] for trial in study["best_trials"]] == list(range(6))
    assert [trial["number"] for trial in study["trials"] if trial["constraints"]] == [6]


@pytest.mark.slow
def test_the_page_opens_on_the_study(served: Served) -> None:
    assert served.address.endswith("/dashboard/studies/0")
    assert served.get("studies")["study_summaries"][0]["study_id"] == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "path", "data"),
    [
        ("DELETE", "studies/0", {}),
        ("POST", "studies", {"study_name": "mine", "directions": ["minimize"]}),
        ("POST", "studies/0/rename", {"study_name": "mine"}),
        ("PUT", "studies/0/note", {"version": 2, "body": "mine"}),
        ("POST", "trials/9/tell", {"state": "fail"}),
        ("POST", "trials/9/user-attrs", {"user_attrs": {"status": "mine"}}),
    ],
)
def test_requests_that_change_something_are_refused(
    served: Served, method: str, path: str, data: Any
) -> None:
    study, files = served.study, contents(served.sweep.path)
    assert served.ask(method, path, data) == (403, {"reason": "a sweep can only be looked at here"})
    assert served.study == study
    assert contents(served.sweep.path) == files


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.slow
def test_only_local_host_names_are_served(served: Served) -> None:
    assert served.ask("GET", "studies", Host="localhost:1234")[0] == 200
    status, answer = served.ask("GET", "studies", Host="rebound.example.org")
    assert (status, answer) == (403, {"reason": "only 127.0.0.1 and localhost are served"})


@pytest.mark.slow
def test_the_dashboard_listens_on_this_machine_only(served: Served) -> None:
    listening = psutil.Process(served.process.pid).net_connections("inet")
    assert {connection.laddr.ip for connection in listening if connection.status == psutil.CONN_LISTEN} == {
        HOST
    }


@pytest.mark.slow
def test_a_growing_ledger_is_shown_like_a_fresh_one(tmp_path: Path) -> None:
    lines = every_ending(tmp_path / "whole").folder.ledger.read_bytes().splitlines(keepends=True)
    ledger = begin(tmp_path / "growing").folder.ledger
    live = Dashboard(SweepFolder(ledger.parent))
    for count in range(2, len(lines) + 1):
        ledger.write_bytes(b"".join(lines[:count]))
        shown = detail(live)
        assert shown == detail(Dashboard(SweepFolder(ledger.parent)))
        assert len(shown["trials"]) == sum(b'"planned"' in line for line in lines[:count])


@pytest.mark.slow
def test_a_retried_trial_is_shown_again(tmp_path: Path) -> None:
    sweep = begin(tmp_path)
    trial_id = sweep.fail(values(1))
    live = Dashboard(sweep.folder)
    assert detail(live)["trials"][0]["state"] == "Fail"
    sweep.append(events.Reopened(trial_id))
    assert detail(live)["trials"][0]["state"] == "Waiting"
    sweep.append(events.Started(trial_id, 2, "worker-0"))
    assert detail(live)["trials"][0]["state"] == "Running"


@pytest.mark.slow
def test_an_unreadable_ledger_leaves_the_last_state_shown(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sweep = every_ending(tmp_path)
    live, ledger = Dashboard(sweep.folder), sweep.folder.ledger
    before, content = detail(live), ledger.read_bytes()
    ledger.unlink()
    assert [detail(live), detail(live)] == [before, before]
    ledger.write_bytes(content + b"no entry\n")
    assert [detail(live), detail(live)] == [before, before]
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING"]  # one for each problem
    ledger.write_bytes(content)
    sweep.append(events.Planned("t0012", 12, 19, values(12)))
    assert len(detail(live)["trials"]) == len(before["trials"]) + 1


def detail(live: Dashboard) -> Any:
    """The study as the application gives it, without a server."""
    environ: dict[str, Any] = {"PATH_INFO": "/api/studies/0"}
    setup_testing_defaults(environ)
    statuses: list[str] = []
    body = b"".join(live(environ, lambda status, *_: statuses.append(status)))  # type: ignore[arg-type,return-value]
    assert statuses == ["200 OK"]
    return json.loads(body)


@pytest.mark.slow
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_the_dashboard_follows_a_running_sweep_until_a_signal(tmp_path: Path, sent: signal.Signals) -> None:
    sweep = begin(tmp_path)
    with dashboard(sweep) as served:
        for number in range(3):
            assert [trial["number"] for trial in served.study["trials"]] == list(range(number))
            sweep.finish(values(number), 2.0 + number, 0.6, 2_000)
        assert len(served.get("studies/0/param_importances")["param_importances"]) == 3
        assert psutil.Process(served.process.pid).children() == []
        served.process.send_signal(sent)
        _, complaints = served.process.communicate(timeout=20)
        assert (served.process.returncode, complaints) == (0, "")
        with pytest.raises(ConnectionRefusedError), socket.socket() as probe:
            probe.connect((HOST, int(served.base.rpartition(":")[2])))


@pytest.mark.slow
def test_a_second_dashboard_takes_another_port(served: Served) -> None:
    port = served.base.rpartition(":")[2]
    ended = subprocess.run(
        [*COMMAND, str(served.sweep.path), "--port", port], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 2
    assert ended.stderr == f"ratefront: port {port} is taken; choose another with --port\n"
