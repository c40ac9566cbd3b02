"""Doctor on a real cluster: nodes with another file system, other code, and without a token."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import yaml
from tests.cluster.ray_nodes import (
    DIGITS,
    HEAD,
    METRIC,
    RATEFRONT,
    RayNodes,
    other_code,
    python_path,
    skip_unless_hiding_works,
    without,
)

pytestmark = pytest.mark.slow

FIRST, SECOND, OTHER = (f"127.0.0.{last}" for last in (3, 4, 6))
#: The code of a sweep's task model, which doctor imports: the nodes do not answer when the storage is looked at.
SLOW_STORAGE = """
import time
import ray
from ratefront.orchestrate.cluster import check_nodes
from ratefront.orchestrate.doctor import examination

def make(*_):
    pass

def ask(*_, **__):
    ray.get(ray.remote(num_cpus=0)(lambda: time.sleep(1000)).remote())

examination.folder_problems = lambda nodes, folder, *_: check_nodes.folder_problems(nodes, folder, ask)
"""


class Openly(RayNodes):
    """Nodes that ask for no token."""

    @property
    def secret(self) -> dict[str, str]:
        return {"RAY_AUTH_MODE": "disabled"}


class Said(NamedTuple):
    """What doctor said, and the addresses of nodes by check and level."""

    code: int
    lines: list[dict[str, Any]]

    def of(self, check: str, level: str) -> dict[str, set[str]]:
        return {
            line["text"]: set(line["nodes"])
            for line in self.lines
            if (line["check"], line["level"]) == (check, level)
        }

    def levels(self) -> set[str]:
        return {line["level"] for line in self.lines}


def doctor(nodes: RayNodes, *words: str | Path, **environment: str) -> Said:
    began = time.monotonic()
    done = subprocess.run(
        [*RATEFRONT, "doctor", *map(str, words), "--json", "--address", nodes.address],
        env=os.environ | nodes.marked.environment | nodes.secret | environment,
        capture_output=True,
        text=True,
        timeout=90,
    )
    assert time.monotonic() - began < 62
    assert done.stderr == ""
    return Said(done.returncode, json.loads(done.stdout)["lines"])


@pytest.fixture(scope="module")
def hidden(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the second node does not see, with a sweep file's data and metric."""
    skip_unless_hiding_works()
    folder = tmp_path_factory.mktemp("hidden")
    (folder / "own_metric.py").write_text(METRIC)
    x, y = np.random.default_rng(0).random((60, 8, 8)).astype(np.float32), np.arange(60) % 10
    np.savez(folder / "mine.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    sweep = yaml.safe_load(DIGITS.read_text())
    sweep |= {
        "dataset": {"name": "arrays", "path": str(folder / "mine.npz")},
        "metrics": ["own_metric:share_of_nines"],
    }
    (folder / "mine.yaml").write_text(yaml.safe_dump(sweep))
    return folder


@pytest.fixture(scope="module")
def nodes(hidden: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RayNodes]:
    with closing(RayNodes()) as nodes:
        nodes.start_head()
        nodes.add(FIRST)
        nodes.add(SECOND, inside=without(hidden))
        yield nodes


def test_nodes_that_fit_are_ready(nodes: RayNodes, tmp_path: Path) -> None:
    said = doctor(nodes, DIGITS, "--out", tmp_path / "sweep")
    assert (said.code, said.levels() - {"warning"}) == (0, {"ok"}), said.lines
    assert {line["check"] for line in said.lines if line["level"] == "warning"} == {"ports"}
    assert said.of("access", "ok") == {f"{nodes.address} refuses who has no token": set()}
    (with_cores,) = said.of("software", "ok").values()
    assert with_cores == {FIRST, SECOND}
    shown = said.of("ports", "warning")
    assert all(text.startswith("Ray shows its figures on ") for text in shown), "the others ask for the token"
    assert set().union(*shown.values()) == {HEAD, FIRST, SECOND}
    (off,) = said.of("clocks", "ok")
    assert float(off.split()[2]) < 1, "all nodes have the clock of this machine"
    assert [*said.of("task model", "ok").values()] == [{FIRST, SECOND}]
    assert [*tmp_path.iterdir()] == []


def test_nodes_that_do_not_fit_are_named(nodes: RayNodes, hidden: Path, tmp_path: Path) -> None:
    nodes.add(OTHER, "--num-gpus", "1", environment=other_code(tmp_path / "other"))
    try:
        words = (hidden / "mine.yaml", "--out", hidden / "runs" / "sweep")
        words = (*words, "--set", "resources.cpus=2", "--set", "resources.gpus=1")
        said = doctor(nodes, *words, PYTHONPATH=python_path(hidden))
    finally:
        nodes.kill(OTHER)
    assert said.code == 1
    assert [*said.of("software", "error").values()] == [{OTHER}]
    ((why, blind),) = said.of("storage", "error").items()
    assert blind == {SECOND}
    assert "FileNotFoundError" in why
    assert [*said.of("storage", "ok").values()] == [{FIRST, OTHER}]
    ((missing, without_data),) = said.of("data", "error").items()
    assert without_data == {SECOND}
    assert "mine.npz" in missing
    assert [*said.of("data", "ok").values()] == [{FIRST}]
    assert said.of("metrics", "ok") == {"share_of_nines": {FIRST, SECOND}}, "own modules reach the nodes"
    assert any("asks for 2 cores where there are 1" in text for text in said.of("resources", "error"))
    ((why, useless),) = said.of("GPUs", "error").items()
    assert useless == {OTHER}
    assert "cannot use the 1 GPU that Ray counts: " in why, "this machine has none"
    assert not (hidden / "runs").exists()


def test_a_signal_leaves_nothing_in_the_shared_folder(nodes: RayNodes, tmp_path: Path) -> None:
    """Ray, and the connection to it, have handlers of their own."""
    (tmp_path / "slow_storage.py").write_text(SLOW_STORAGE)
    task_model = {"task_model": {"name": "module", "target": "slow_storage:make"}}
    (tmp_path / "sweep.yaml").write_text(yaml.safe_dump(yaml.safe_load(DIGITS.read_text()) | task_model))
    folder = tmp_path / "runs" / "sweep"
    words = ["doctor", str(tmp_path / "sweep.yaml"), "--out", str(folder), "--address", nodes.address]
    process = subprocess.Popen(
        [*RATEFRONT, *words],
        env=os.environ | nodes.marked.environment | nodes.secret | {"PYTHONPATH": python_path(tmp_path)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    wait_until(lambda: [*folder.glob(".probe-*")], 40)
    time.sleep(1)
    assert [*folder.glob(".probe-*")], "the nodes do not answer"
    process.terminate()
    process.wait(timeout=5)
    wait_until(lambda: not (tmp_path / "runs").exists(), 6)


def wait_until(is_so: Callable[[], object], within_s: float) -> None:
    deadline = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_client_without_the_token_is_told_what_to_set(nodes: RayNodes, tmp_path: Path) -> None:
    said = doctor(nodes, "--out", tmp_path / "sweep", RAY_AUTH_MODE="disabled", RAY_AUTH_TOKEN="")
    assert said.code == 1
    (why,) = said.of("cluster", "error")
    assert "it asks for a token: set RAY_AUTH_MODE=token" in why


def test_a_cluster_without_a_token_is_a_warning(tmp_path: Path) -> None:
    with closing(Openly()) as nodes:
        nodes.start_head()
        nodes.add(FIRST)
        said = doctor(nodes, "--out", tmp_path / "sweep")
    assert (said.code, said.levels()) == (0, {"ok", "warning"}), said.lines
    (open_,) = said.of("access", "warning")
    assert open_.startswith(f"{nodes.address} asks for no token")
    listens = [line for line in said.lines if line["text"].startswith("Ray listens on ")]
    assert {node for line in listens for node in line["nodes"]} == {HEAD, FIRST}
    assert all("RAY_AUTH_MODE=token" in line["advice"] for line in listens)
