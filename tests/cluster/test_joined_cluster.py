"""A sweep on a Ray cluster of several nodes that runs already: what reaches the nodes, and which are refused."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import yaml
from tests.cluster.ray_nodes import (
    DIGITS,
    METRIC,
    METRIC_NAME,
    RATEFRONT,
    RayNodes,
    other_code,
    python_path,
    skip_unless_hiding_works,
    without,
)

from ratefront.history.events import Failed, Reconfigured, Started
from ratefront.history.sweep_history import SweepHistory
from ratefront.store.ledger.ledger_file import read_entries
from ratefront.store.sweep_folder import SweepFolder

pytestmark = pytest.mark.slow

FIRST, SECOND, THIRD, OTHER = (f"127.0.0.{last}" for last in (3, 4, 5, 6))
SHORT = {"task_model.epochs": 3, "training.epochs": 2, "sampler.startup_trials": 6}


@pytest.fixture(scope="module")
def hidden(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the second node does not see."""
    skip_unless_hiding_works()
    folder = tmp_path_factory.mktemp("hidden")
    (folder / "own_metric.py").write_text(METRIC)
    return folder


@pytest.fixture(scope="module")
def nodes(hidden: Path) -> Iterator[RayNodes]:
    """A head and two nodes of one core, the second without what is in ``hidden``."""
    with closing(RayNodes()) as nodes:
        nodes.start_head()
        nodes.add(FIRST)
        nodes.add(SECOND, inside=without(hidden))
        yield nodes


@contextmanager
def _sweep(
    nodes: RayNodes, folder: Path, *more: str, spec: Path = DIGITS, **environment: str
) -> Iterator[subprocess.Popen[str]]:
    changes = [word for key, value in SHORT.items() for word in ("--set", f"{key}={value}")]
    joined = ("--address", nodes.address)
    process = subprocess.Popen(
        [*RATEFRONT, "sweep", str(spec), *changes, "--out", str(folder), *joined, *more],
        env=os.environ | nodes.marked.environment | nodes.secret | environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _end(process: subprocess.Popen[str], timeout_s: float = 180) -> str:
    """Return what was printed on standard error, after the exit code."""
    _, errors = process.communicate(timeout=timeout_s)
    return f"{process.returncode} {errors}"


def _history(folder: Path) -> SweepHistory:
    ledger = SweepFolder(folder).ledger
    return SweepHistory.of(read_entries(ledger)) if ledger.exists() else SweepHistory()


def _nodes_of_trials(folder: Path) -> set[str]:
    events = [entry.event for entry in read_entries(SweepFolder(folder).ledger)]
    return {event.worker.rpartition(" ")[2] for event in events if isinstance(event, Started)}


def _wait(process: subprocess.Popen[str], condition: Callable[[], bool], timeout_s: float = 120) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline, "the sweep does not get that far"
        time.sleep(0.05)


def test_a_users_own_module_reaches_the_nodes_that_do_not_see_it(
    nodes: RayNodes, hidden: Path, tmp_path: Path
) -> None:
    own = ["--set", f"metrics=[own_metric:{METRIC_NAME}]", "--trials", "6"]
    with _sweep(nodes, tmp_path / "sweep", *own, PYTHONPATH=python_path(hidden)) as process:
        answer = _end(process)
    assert answer.startswith("0 "), answer
    assert _nodes_of_trials(tmp_path / "sweep") == {FIRST, SECOND}
    trials = _history(tmp_path / "sweep").trials.values()
    assert all(trial.result is not None and METRIC_NAME in trial.result.test.metrics for trial in trials)


def test_a_folder_that_a_node_does_not_see_is_refused(nodes: RayNodes, hidden: Path) -> None:
    with _sweep(nodes, hidden / "runs" / "sweep") as process:
        answer = _end(process)
    assert answer.startswith("2 "), answer
    assert f"node {SECOND}: the sweep's folder {hidden / 'runs' / 'sweep'} is not the same there" in answer
    assert FIRST not in answer
    assert not (hidden / "runs").exists()


def test_a_node_with_other_code_is_refused(nodes: RayNodes, tmp_path: Path) -> None:
    nodes.add(OTHER, environment=other_code(tmp_path / "other"))
    try:
        with _sweep(nodes, tmp_path / "sweep") as process:
            answer = _end(process)
    finally:
        nodes.kill(OTHER)
    assert answer.startswith("2 "), answer
    assert f"node {OTHER}: ratefront is 0.1.0 (code " in answer
    assert answer.count("(code ") == 2
    assert FIRST not in answer
    assert not (tmp_path / "sweep").exists()


@pytest.mark.parametrize("token", ["", "wrong" * 8])
def test_a_client_without_the_token_is_turned_away(nodes: RayNodes, tmp_path: Path, token: str) -> None:
    access = {"RAY_AUTH_MODE": "token" if token else "disabled", "RAY_AUTH_TOKEN": token}
    with _sweep(nodes, tmp_path / "sweep", **access) as process:
        answer = _end(process, timeout_s=20)
    assert answer.startswith(f"2 ratefront: --address {nodes.address}: "), answer
    assert "it asks for a token: set RAY_AUTH_MODE=token" in answer
    assert not (tmp_path / "sweep").exists()


def test_a_new_node_gets_work_and_a_lost_one_loses_no_trial(nodes: RayNodes, tmp_path: Path) -> None:
    folder, trials = tmp_path / "sweep", 5
    slower = ["--set", "training.epochs=100", "--trials", str(trials), "--set", "resources.concurrent=4"]
    with _sweep(nodes, folder, *slower, spec=_of_split_alone(tmp_path)) as process:
        _wait(process, lambda: bool(_history(folder).with_status("running")))
        nodes.add(THIRD)
        _wait(process, lambda: {FIRST, SECOND, THIRD} <= _running_at(folder))
        nodes.kill(SECOND)
        answer = _end(process)
    assert answer.startswith("0 "), answer
    history = _history(folder)
    assert (len(history.trials), history.trials_ended) == (trials, trials)
    events = [entry.event for entry in read_entries(SweepFolder(folder).ledger)]
    lost = [event for event in events if isinstance(event, Failed) and not event.final]
    assert {event.error for event in lost} == {"WorkerLostError"}
    assert not any(isinstance(event, Reconfigured) for event in events)


def _of_split_alone(folder: Path) -> Path:
    """The digits' sweep without the family whose trials take no time."""
    plain = yaml.safe_load(DIGITS.read_text())
    del plain["space"]["family"]["label"]
    (folder / "split.yaml").write_text(yaml.safe_dump(plain))
    return folder / "split.yaml"


def _running_at(folder: Path) -> set[str]:
    """Return the nodes of the trials that have reported and run on."""
    ledger = SweepFolder(folder).ledger
    if not ledger.exists():
        return set()
    running = {t.params.trial_id for t in _history(folder).with_status("running") if t.step >= 2}
    started = [e.event for e in read_entries(ledger) if isinstance(e.event, Started)]
    return {event.worker.rpartition(" ")[2] for event in started if event.trial_id in running}
