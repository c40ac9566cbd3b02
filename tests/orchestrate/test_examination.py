"""Doctor as a whole, without a cluster: this machine, and nodes that are made up."""

from __future__ import annotations

import errno
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from ratefront.orchestrate.cluster.each_node import Node, NodeAnswer
from ratefront.orchestrate.cluster.node_facts import folder_problem, software_versions
from ratefront.orchestrate.doctor import driver_checks, examination, node_state, open_ports
from ratefront.orchestrate.doctor.examination import Examination, Question, examine
from ratefront.orchestrate.doctor.this_machine import NotInTimeError, within
from ratefront.readiness import CheckLine

pytestmark = pytest.mark.medium

DIGITS = Path(__file__).parents[2] / "sweeps" / "digits.yaml"
SPACE = {"place": "/x", "free": 2**40, "total": 2**41, "writable": True}
STATE = {"cores": 8, "gpus": None, "space": {"folder": SPACE}, "open_secrets": []}


@pytest.fixture(autouse=True)
def no_settings_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "RAY_ADDRESS",
        "RAY_AUTH_MODE",
        "RAY_AUTH_TOKEN",
        "RAY_AUTH_TOKEN_PATH",
        "MLFLOW_TRACKING_URI",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")


def lines_of(question: Question) -> list[CheckLine]:
    lines: list[CheckLine] = []
    examine(question, lines.append)
    return lines


def of(lines: Iterable[CheckLine], check: str) -> list[CheckLine]:
    return [line for line in lines if line.check == check]


def test_this_machine_is_ready_for_the_digits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import ray

    monkeypatch.setattr(ray, "init", lambda *_, **__: pytest.fail("Ray is started"))
    lines = lines_of(Question(DIGITS, tmp_path / "runs" / "new", is_folder_given=True))
    assert {line.level for line in lines if line.check not in ("ports", "space")} == {"ok"}, lines
    assert [*dict.fromkeys(line.check for line in lines)] == [
        "sweep file",
        "Ray",
        "access",
        "folder",
        "tracking",
        "software",
        "hardware",
        "resources",
        "space",
        "storage",
        "ports",
        "data",
        "task model",
    ]
    assert {line.nodes for line in lines} == {()}
    assert [*tmp_path.iterdir()] == [], "nothing is left of the probe, and no database is made"


def test_without_a_sweep_file_the_rest_is_looked_at(tmp_path: Path) -> None:
    lines = lines_of(Question(folder=tmp_path / "runs"))
    assert {line.check for line in lines} == {
        "Ray",
        "access",
        "software",
        "hardware",
        "space",
        "storage",
        "ports",
    }


def test_a_wrong_sweep_file_does_not_stop_the_others(tmp_path: Path) -> None:
    lines = lines_of(Question(DIGITS, tmp_path / "new", overrides={"trials": "x"}))
    (line,) = of(lines, "sweep file")
    assert line.level == "error"
    assert "trials: must be a whole number" in line.text
    assert {"software", "hardware", "storage"} <= {line.check for line in lines}
    assert not {"resources", "data", "task model"} & {line.check for line in lines}


def test_a_check_that_breaks_does_not_stop_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise ZeroDivisionError("oh")

    monkeypatch.setattr(driver_checks, "installed_ray", broken)
    monkeypatch.setattr(node_state, "node_state", broken)
    monkeypatch.setattr(open_ports, "open_ports", broken)
    lines = lines_of(Question(folder=tmp_path))
    broken_checks = {
        line.check for line in lines if line.level == "error" and "ZeroDivisionError: oh" in line.text
    }
    assert broken_checks == {"Ray", "hardware", "ports"}
    assert {line.level for check in ("software", "storage") for line in of(lines, check)} == {"ok"}


def test_a_folder_that_cannot_hold_the_sweep_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    lines = lines_of(Question(folder=tmp_path / "file", is_folder_given=True))
    (line,) = of(lines, "folder")
    assert line.level == "error"
    assert "is not a folder" in line.text
    assert of(lines, "storage") == []


@pytest.mark.parametrize(
    ("name", "value", "level", "said"),
    [
        ("RAY_AUTH_MODE", "disabled", "warning", "other users of this machine can run code as you"),
        ("RAY_AUTH_MODE", "tokn", "error", "is no mode of Ray's"),
        ("RAY_AUTH_TOKEN_PATH", "/no/such/file", "error", "there is no such file"),
        ("RAY_AUTH_MODE", "token", "ok", "asks for a token"),
    ],
)
def test_rays_mode_of_access_is_looked_at(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, level: str, said: str
) -> None:
    monkeypatch.setenv(name, value)
    line = driver_checks.access_mode(joins=False)
    assert line is not None
    assert (line.level, line.check) == (level, "access")
    assert said in line.text


@pytest.mark.parametrize(
    ("environment", "level"),
    [
        ({}, "error"),
        ({"RAY_AUTH_MODE": "token"}, "error"),
        ({"RAY_AUTH_TOKEN": ""}, "error"),
        ({"RAY_AUTH_MODE": "disabled"}, "warning"),
        ({"RAY_AUTH_TOKEN": "7" * 64}, "ok"),
        ({"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "7" * 64}, "ok"),
    ],
)
def test_a_missing_file_of_the_token_matters_where_ray_reads_it(
    monkeypatch: pytest.MonkeyPatch, environment: Mapping[str, str], level: str
) -> None:
    for name, value in {"RAY_AUTH_TOKEN_PATH": "/no/such/file", **environment}.items():
        monkeypatch.setenv(name, value)
    line = driver_checks.access_mode(joins=False)
    assert line is not None
    assert line.level == level, line


def test_a_share_that_is_dead_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the system calls a timeout is an error of the folder, not a check that was too slow."""

    def dead(*_: Any, **__: Any) -> Any:
        raise TimeoutError(errno.ETIMEDOUT, "Connection timed out", str(tmp_path))

    monkeypatch.setattr(examination, "folder_problems", dead)
    (line,) = of(lines_of(Question(folder=tmp_path)), "storage")
    assert (line.level, line.text) == ("error", f"{tmp_path}: Connection timed out")
    assert "all nodes share" in line.advice


def test_a_store_that_does_not_answer_in_time_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    never = threading.Event()
    monkeypatch.setattr(driver_checks, "TRACKING_WITHIN_S", 0.1)
    monkeypatch.setattr(driver_checks, "look_at_store", lambda *_: never.wait())
    (line,) = driver_checks.tracking(None, tmp_path / "sweep", "http://ann:secret@10.0.0.9:5000")
    never.set()
    assert (line.level, line.text) == ("warning", "http://***@10.0.0.9:5000 gives no answer within 0.1 s")
    assert "sweep.track" in line.advice


def test_a_tracking_address_of_the_environment_alone_is_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://ann:secret@127.0.0.1:1")
    warning, found = driver_checks.tracking(None, tmp_path / "sweep", None)
    assert warning.level == "warning"
    assert "(http://***@127.0.0.1:1), but no sweep reports there" in warning.text
    assert found.text == f"{tmp_path / 'mlflow.db'} will be made"
    (given,) = driver_checks.tracking(None, tmp_path / "sweep", "http://127.0.0.1:1")
    assert given.level == "warning"
    assert "does not answer" in given.text
    (wrong,) = driver_checks.tracking(None, tmp_path / "sweep", "ftp://127.0.0.1")
    assert wrong.level == "error"


class MadeUpNodes:
    """Nodes that answer as a test says; ``asked`` has each question with the nodes that got it."""

    def __init__(self, **answers: Callable[[str], Any]) -> None:
        self.answers = answers
        self.asked: list[tuple[str, set[str]]] = []

    def ask(
        self,
        nodes: Iterable[Node],
        function: Callable[..., Any],
        arguments: Callable[[Node], tuple[Any, ...]] = lambda node: (),
        **_: Any,
    ) -> list[NodeAnswer]:
        nodes = list(nodes)
        self.asked.append((function.__name__, {node["NodeID"] for node in nodes}))
        if function is folder_problem:
            return [self._probed(node, *arguments(node)) for node in nodes]
        answered = {node["NodeID"]: self.answers[function.__name__](node["NodeID"]) for node in nodes}
        return [
            NodeAnswer(node, problem=said)
            if isinstance(said, str)
            else NodeAnswer(node, said, asked_at=time.time(), answered_at=time.time())
            for node in nodes
            for said in [answered[node["NodeID"]]]
        ]

    def _probed(self, node: Node, question: str, answer: str) -> NodeAnswer:
        """The node ``blind`` has a folder of its own under the same path."""
        if node["NodeID"] == "blind":
            return NodeAnswer(node, "FileNotFoundError: No such file or directory")
        return NodeAnswer(node, folder_problem(question, answer))


def node(name: str, cpus: float = 8.0, gpus: float = 0.0) -> Node:
    socket = "/tmp/ray/session_1/sockets/plasma_store"
    return {
        "NodeID": name,
        "NodeManagerAddress": name,
        "Resources": {key: amount for key, amount in {"CPU": cpus, "GPU": gpus}.items() if amount},
        "ObjectStoreSocketName": socket,
    }


def usual(**changes: Callable[[str], Any]) -> MadeUpNodes:
    answers: dict[str, Callable[[str], Any]] = {
        "software_versions": lambda name: software_versions(),
        "node_state": lambda name: STATE,
        "clock": lambda name: time.time(),
        "open_ports": lambda name: [],
        "look_at_inputs": lambda name: [
            ("data", True, "digits", "digits"),
            ("task model", True, "built", ""),
        ],
    }
    return MadeUpNodes(**answers | changes)


def examined(made_up: MadeUpNodes, nodes: list[Node], folder: Path, **more: Any) -> list[CheckLine]:
    lines: list[CheckLine] = []
    question = Question(DIGITS, folder, address="10.0.0.1:6379", **more)
    examination = Examination(question, lines.append, lambda check: None)
    examination.look_here()
    lines.clear()
    examination.look_at_nodes(nodes, made_up.ask)
    return lines


def test_nodes_that_agree_share_their_lines(tmp_path: Path) -> None:
    nodes = [node(f"n{number}") for number in range(30)]
    lines = examined(usual(), nodes, tmp_path / "sweep")
    assert {line.level for line in lines} == {"ok"}
    assert {len(line.nodes) for line in lines if line.check != "resources"} == {30}
    assert len({line.check for line in lines}) == len(lines)
    assert not (tmp_path / "sweep").exists()


def test_a_silent_node_is_asked_once_and_named(tmp_path: Path) -> None:
    made_up = usual(
        software_versions=lambda name: "no answer within 20 s" if name == "n1" else software_versions()
    )
    lines = examined(made_up, [node("n1"), node("n2")], tmp_path / "sweep")
    (silent,) = of(lines, "nodes")
    assert (silent.level, silent.nodes) == ("error", ("n1",))
    assert [question for question, asked in made_up.asked if "n1" in asked] == ["software_versions"]


def test_a_node_that_falls_silent_later_is_not_waited_for_again(tmp_path: Path) -> None:
    made_up = usual(node_state=lambda name: "no answer within 12 s" if name == "n1" else STATE)
    lines = examined(made_up, [node("n1"), node("n2")], tmp_path / "sweep")
    assert [line.level for line in of(lines, "hardware")] == ["error", "ok"]
    asked = [question for question, asked in made_up.asked if "n1" in asked]
    assert "look_at_inputs" not in asked


def test_a_node_that_does_not_see_the_folder_is_named(tmp_path: Path) -> None:
    lines = examined(usual(), [node("n1"), node("blind")], tmp_path / "sweep")
    good, bad = of(lines, "storage")
    assert (good.level, good.nodes) == ("ok", ("n1",))
    assert (bad.level, bad.nodes) == ("error", ("blind",))
    assert "FileNotFoundError" in bad.text
    assert "all nodes share" in bad.advice
    assert not (tmp_path / "sweep").exists()


def test_a_node_with_other_code_is_not_asked_for_data(tmp_path: Path) -> None:
    other = software_versions() | {"torch": "0.1"}
    made_up = usual(software_versions=lambda name: other if name == "n1" else software_versions())
    lines = examined(made_up, [node("n1"), node("n2")], tmp_path / "sweep")
    assert [line.nodes for line in of(lines, "software") if line.level == "error"] == [("n1",)]
    assert ("look_at_inputs", {"n2"}) in made_up.asked
    assert [line.nodes for line in of(lines, "data")] == [("n2",)]


@pytest.mark.parametrize(("asked_for", "level"), [(1, "error"), (0, "warning")])
def test_torch_is_asked_on_nodes_to_which_ray_counts_gpus(
    tmp_path: Path, asked_for: float, level: str
) -> None:
    useless = {"torch": "2.6.0", "cuda": None, "count": 0, "problem": "no driver", "is_known": True}
    made_up = usual(usable_gpus=lambda name: useless)
    nodes = [node("n1"), node("n2", gpus=2.0)]
    lines = examined(made_up, nodes, tmp_path / "sweep", overrides={"resources.gpus": asked_for})
    assert ("usable_gpus", {"n2"}) in made_up.asked
    (line,) = [line for line in of(lines, "GPUs") if "torch 2.6.0" in line.text]
    assert (line.level, line.nodes) == (level, ("n2",))


def test_a_head_without_cores_is_asked_for_clock_and_ports_alone(tmp_path: Path) -> None:
    made_up = usual()
    lines = examined(made_up, [node("head", 0.0), node("n1")], tmp_path / "sweep")
    assert {line.check for line in lines if "head" in line.nodes} == {"clocks", "ports"}
    assert ("look_at_inputs", {"n1"}) in made_up.asked


def test_work_that_hangs_is_left_behind() -> None:
    never = threading.Event()
    began = time.monotonic()
    with pytest.raises(NotInTimeError, match=r"^no answer within 0\.2 s$"):
        within(0.2, never.wait, "no answer")
    assert time.monotonic() - began < 5
    never.set()


@pytest.mark.parametrize("error", [ValueError("x"), SystemExit(3)])
def test_an_error_of_the_work_is_passed_on_at_once(error: BaseException) -> None:
    def work() -> None:
        raise error

    with pytest.raises(type(error)):
        within(60, work, "no answer")
