"""Doctor in a process of its own: what users' code does there neither hangs nor ends the caller's."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest
import yaml

import ratefront as rf
from ratefront.errors import InputError
from ratefront.orchestrate.doctor.examination import Question
from ratefront.orchestrate.doctor.examine_apart import examine_apart
from ratefront.readiness import CheckLine

pytestmark = pytest.mark.medium

DIGITS = Path(__file__).parents[2] / "sweeps" / "digits.yaml"


@pytest.fixture(autouse=True)
def no_settings_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RAY_ADDRESS", "RAY_AUTH_MODE", "RAY_AUTH_TOKEN_PATH", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)


def with_code(code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A sweep whose task model is made by this code."""
    (tmp_path / "user_net.py").write_text(code)
    monkeypatch.syspath_prepend(str(tmp_path))
    sweep: dict[str, Any] = yaml.safe_load(DIGITS.read_text())
    return sweep | {"task_model": {"name": "module", "target": "user_net:make"}}


def pids_of(folder: Path) -> list[int]:
    """Processes whose environment names the folder, as that of the examination does."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if str(folder).encode() in (path / "environ").read_bytes() and int(path.name) != os.getpid():
                found.append(int(path.name))
        except OSError:
            continue
    return found


def test_code_that_hangs_is_ended_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = with_code("import time\ntime.sleep(1000)\n", tmp_path, monkeypatch)
    began = time.monotonic()
    found = examine_apart(Question(source, tmp_path / "sweep"), within_s=6)
    assert time.monotonic() - began < 10
    assert [(line.level, line.check) for line in found.lines] == [("error", "sweep file")]
    assert "not done in time" in found.lines[0].text
    assert not found.is_ready
    assert pids_of(tmp_path) == []


@pytest.fixture
def slow_storage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A sweep whose own code lets the look at the sweep's folder take long."""
    code = """
import time
from ratefront.orchestrate.cluster import check_nodes
from ratefront.orchestrate.doctor import examination

def make(*_):
    pass

check_nodes.folder_problem = lambda *_: time.sleep(1000)
examination.NEXT_S = 1000.0
"""
    return with_code(code, tmp_path, monkeypatch)


def wait_for_probe(folder: Path) -> None:
    deadline = time.monotonic() + 40
    while not [*folder.glob(".probe-*")]:
        assert time.monotonic() < deadline, "the storage was not looked at"
        time.sleep(0.02)


def check_nothing_is_left(tmp_path: Path) -> None:
    deadline = time.monotonic() + 6
    while pids_of(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert pids_of(tmp_path) == []
    assert not (tmp_path / "runs").exists(), "the probe and the folders made for it"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_neither_probe_nor_process(
    tmp_path: Path, slow_storage: dict[str, Any], number: signal.Signals
) -> None:
    sweep = tmp_path / "sweep.yaml"
    sweep.write_text(yaml.safe_dump(slow_storage))
    folder = tmp_path / "runs" / "new" / "sweep"
    path = os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])
    program = "from ratefront.cli import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", program, "doctor", str(sweep), "--out", str(folder)],
        env=os.environ | {"PYTHONPATH": path},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    wait_for_probe(folder)
    process.send_signal(number)
    process.wait(timeout=60)  # the probe takes 1000 s
    check_nothing_is_left(tmp_path)


@pytest.mark.slow
def test_the_end_of_the_time_leaves_neither_probe_nor_process(
    tmp_path: Path, slow_storage: dict[str, Any]
) -> None:
    folder = tmp_path / "runs" / "new" / "sweep"
    seen = threading.Thread(target=wait_for_probe, args=(folder,))
    seen.start()
    found = examine_apart(Question(slow_storage, folder, is_folder_given=True), within_s=20)
    seen.join(timeout=0.1)
    assert not seen.is_alive(), "the time ended during the look at the storage"
    assert "not done in time" in found.lines[-1].text
    check_nothing_is_left(tmp_path)


@pytest.mark.parametrize(
    ("within_s", "hangs", "status"),
    [
        pytest.param(1, "import time\ntime.sleep(1000)", 0, id="Python"),
        pytest.param(
            8,  # it has to come to this code
            "import ctypes\nctypes.PyDLL(None).sleep(1000)",
            -signal.SIGALRM,
            id="C",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_process_that_is_not_ended_ends_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, within_s: int, hangs: str, status: int
) -> None:
    """Where its caller lives and hangs; also where code in C lets no Python code go on."""
    source = with_code(hangs, tmp_path, monkeypatch)
    ours, theirs = (Connection(end.detach()) for end in socket.socketpair())
    program = "from ratefront.orchestrate.doctor.examine_apart import main; main()"
    child = subprocess.Popen(
        [sys.executable, "-c", program, str(theirs.fileno()), str(within_s)],
        pass_fds=[theirs.fileno()],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        start_new_session=True,
    )
    theirs.close()
    ours.send(Question(source, tmp_path / "sweep"))
    assert child.wait(timeout=20) == status
    ours.close()


def test_code_that_ends_its_process_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = with_code("import os\nos._exit(7)\n", tmp_path, monkeypatch)
    found = examine_apart(Question(source, tmp_path / "sweep"))
    assert [(line.level, line.check) for line in found.lines] == [("error", "sweep file")]
    assert "has died" in found.lines[0].text


def test_lines_come_as_they_are_known(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    lines: list[CheckLine] = []
    found = rf.doctor(
        str(DIGITS), tmp_path / "sweep", overrides={"resources.cpus": 999}, on_line=lines.append
    )
    assert found.lines == tuple(lines)
    assert [line.check for line in lines if line.level == "error"] == ["resources"]
    assert (found.level, found.is_ready) == ("error", False)
    assert found.to_json()["lines"][0]["check"] == "sweep file"
    assert capfd.readouterr() == ("", "")


def test_a_cluster_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    found = rf.doctor(folder=tmp_path / "sweep", address="127.0.0.1:1")
    (line,) = [line for line in found.lines if line.level == "error"]
    assert line.check == "cluster"
    assert "no cluster can be reached there" in line.text


@pytest.mark.parametrize(
    "arguments",
    [
        {"spec": 7},
        {"spec": {"name": lambda: None}},
        {"overrides": {"trials": 3}},
        {"spec": "x.yaml", "overrides": 3},
        {"folder": 7},
    ],
)
def test_arguments_of_another_kind_are_bad_input(arguments: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        rf.doctor(**arguments)
