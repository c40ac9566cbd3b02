"""``cluster/slurm/sweep.sbatch`` with stand-ins for Ray, ratefront and SLURM's commands: what it decides itself."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.medium

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "cluster" / "slurm" / "sweep.sbatch"

#: Each program writes down its words. Ray says where its head is; ratefront ends as it is told, or by a signal.
_PROGRAM = """\
#!{python}
import json, os, signal, sys, time
from pathlib import Path
name, words, place = Path(sys.argv[0]).name, sys.argv[1:], Path({place!r})
with (place / "calls").open("a") as calls:
    calls.write(json.dumps([name, *words]) + "\\n")
if name == "ray":
    if (place / "ray_fails").exists():
        sys.exit("no Ray here")
    folder = Path(words[words.index("--temp-dir") + 1])
    folder.mkdir()
    (folder / "ray_current_cluster").write_text("10.0.0.1:4321")
    print("Ray runtime started.", flush=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    time.sleep(60)
if name == "scontrol" and words[0] == "update":
    (place / "comment").write_text(words[-1])
if name == "scontrol" and words[0] == "show":
    print("   Comment=" + (place / "comment").read_text().removeprefix("Comment=") + " ")  # as SLURM 22.05
if name == "srun":
    if "SECOND_NODE" not in os.environ:
        sys.exit("no job step")
    os.environ |= {{"SLURM_NODEID": "1", "SLURMD_NODENAME": os.environ["SECOND_NODE"]}}
    os.execvp("bash", words[words.index("bash"):])
if name == "ip" and words[-1] == "ib0" and os.environ["SLURMD_NODENAME"] == "n1":
    print("3: ib0    inet 10.1.0.1/16 brd 10.1.255.255 scope global ib0\\\\       valid_lft forever")
if name == "ratefront":
    def interrupted(*_):
        sys.exit(130)
    signal.signal(signal.SIGUSR1, interrupted)
    (place / "driver_runs").touch()
    time.sleep(float(os.environ.get("DRIVER_RUNS_S", "0")))
    sys.exit(int(os.environ.get("DRIVER_CODE", "0")))
"""


class Job:
    """The script as a job of one node runs it."""

    def __init__(self, place: Path) -> None:
        self.place, self.bin = place, place / "bin"
        self.bin.mkdir()
        for name in ("ray", "ratefront", "scontrol", "scancel", "srun", "ip"):
            program = self.bin / name
            program.write_text(_PROGRAM.format(python=sys.executable, place=str(place)))
            program.chmod(0o755)

    def start(self, *words: str, **environment: str) -> subprocess.Popen[str]:
        given = {
            "PATH": f"{self.bin}:{os.environ['PATH']}",
            "SLURM_JOB_ID": "7",
            "SLURM_JOB_NUM_NODES": "1",
            "SLURM_NODEID": "0",
            "SLURMD_NODENAME": "n1",
            "SLURM_CPUS_ON_NODE": "4",
            **environment,
        }
        return subprocess.Popen(
            ["bash", str(SCRIPT), *words],
            env=given,
            cwd=self.place,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *words: str, **environment: str) -> tuple[int, str]:
        """Return the exit code, and what was said on standard error."""
        process = self.start(*words, **environment)
        _, errors = process.communicate(timeout=60)
        return process.returncode, errors

    def calls(self, name: str) -> list[list[str]]:
        calls = self.place / "calls"
        lines = calls.read_text().splitlines() if calls.exists() else []
        return [words for known, *words in map(json.loads, lines) if known == name]


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job(tmp_path)


@pytest.fixture
def resumable(job: Job) -> Job:
    """A job in whose folder a sweep has begun."""
    folder = job.place / "runs"
    folder.mkdir()
    (folder / "ledger.jsonl").touch()
    return job


def _wait(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_shellcheck_finds_nothing() -> None:
    shellcheck = Path(sys.executable).with_name("shellcheck")
    scripts = [*(ROOT / "cluster").rglob("*.sbatch"), *(ROOT / "cluster").rglob("*.sh"), ROOT / ".ci" / "run"]
    assert SCRIPT in scripts
    done = subprocess.run([shellcheck, *scripts], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("words", [("spec.yaml",), ("spec.yaml", "--out"), ("spec.yaml", "--out=")])
def test_a_job_without_a_folder_is_refused(job: Job, words: tuple[str, ...]) -> None:
    code, errors = job.run(*words)
    assert code == 2
    assert "--out DIR" in errors
    assert job.calls("ray") == []


@pytest.mark.parametrize("out", [("--out", "runs"), ("--out=runs",)])
def test_a_sweep_that_has_begun_is_resumed(resumable: Job, out: tuple[str, ...]) -> None:
    assert resumable.run("a spec.yaml", *out, "--set", "trials=3")[0] == 0
    assert resumable.calls("ratefront") == [
        ["sweep", "a spec.yaml", "--set", "trials=3", "--resume", "--out", "runs"]
    ]


def test_a_new_sweep_begins_and_a_finished_one_is_not_started_again(job: Job) -> None:
    assert job.run("spec.yaml", "--out", "runs") == (0, "")
    assert job.calls("ratefront") == [["sweep", "spec.yaml", "--out", "runs"]]
    assert job.calls("scontrol") == []


def test_a_resume_of_no_sweep_is_no_new_sweep(job: Job) -> None:
    """A misspelt folder: ``ratefront sweep`` refuses it."""
    job.run("spec.yaml", "--out", "run", "--resume")
    assert job.calls("ratefront") == [["sweep", "spec.yaml", "--resume", "--out", "run"]]


@pytest.mark.parametrize("began", [True, False])
def test_a_job_that_starts_again_extends_its_sweep_once(resumable: Job, began: bool) -> None:
    words = ("--out", "runs", "--extend", "20", "--extend=3", "--retry-failed")
    more = ["--extend", "20", "--extend=3", "--retry-failed"]
    assert resumable.run(*words) == (0, "")
    if began:
        (resumable.place / "runs" / "ledger.jsonl").write_text("resumed\nextended\n")
    code, said = resumable.run(*words, SLURM_RESTART_COUNT="1")
    assert (code, "starts again, without --extend 20" in said) == (0, began)
    first, again = resumable.calls("ratefront")
    assert first == ["sweep", "--resume", *more, "--out", "runs"]
    assert again == ["sweep", "--resume", *([] if began else more), "--out", "runs"]


def test_a_job_whose_first_start_is_unknown_does_not_extend(resumable: Job) -> None:
    (resumable.place / "comment").write_text("Comment=my own")
    code, said = resumable.run("--out", "runs", "--extend", "3", SLURM_RESTART_COUNT="1")
    assert (code, "without --extend 3" in said) == (0, True)
    assert resumable.calls("ratefront") == [["sweep", "--resume", "--out", "runs"]]


def test_the_driver_s_failure_is_the_job_s(job: Job) -> None:
    assert job.run("spec.yaml", "--out", "runs", DRIVER_CODE="1")[0] == 1
    assert job.run("spec.yaml", "--out", "runs", DRIVER_CODE="130")[0] == 130  # ratefront stop
    assert job.calls("scontrol") == []


def test_a_sweep_whose_time_is_up_waits_for_its_next_turn(job: Job) -> None:
    process = job.start("spec.yaml", "--out", "runs", DRIVER_RUNS_S="60")
    _wait((job.place / "driver_runs").exists)
    process.send_signal(signal.SIGUSR1)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert job.calls("scontrol") == [["requeue", "7"]]


def test_a_time_limit_too_short_to_begin_does_not_start_again(job: Job) -> None:
    (job.bin / "python3").write_text("#!/bin/sh\nsleep 2; echo 10001\n")
    (job.bin / "python3").chmod(0o755)
    process = job.start("spec.yaml", "--out", "runs")
    time.sleep(1)
    process.send_signal(signal.SIGUSR1)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "before the sweep began" in errors
    assert job.calls("scontrol") == job.calls("ratefront") == []


def test_ray_that_does_not_start_ends_the_job(job: Job) -> None:
    (job.place / "ray_fails").touch()
    code, errors = job.run("spec.yaml", "--out", "runs")
    assert code == 1
    assert "no Ray here" in errors
    assert "Ray does not start on n1" in errors
    assert job.calls("ratefront") == []


def test_nodes_that_srun_does_not_reach_are_not_waited_for(job: Job) -> None:
    began = time.monotonic()
    code, errors = job.run("spec.yaml", "--out", "runs", SLURM_JOB_NUM_NODES="2")
    assert (code, "Ray runs on 1 of 2 nodes" in errors) == (0, True)
    assert time.monotonic() - began < 30
    assert len(job.calls("ratefront")) == 1


def test_an_interface_without_an_address_is_no_other_network(job: Job) -> None:
    code, errors = job.run("spec.yaml", "--out", "runs", RATEFRONT_INTERFACE="ib1")
    assert code == 1
    assert "ib1 has no IPv4 address on n1" in errors
    assert job.calls("ray") == job.calls("ratefront") == []


def test_a_second_node_s_interface_without_an_address_is_said(job: Job) -> None:
    of_job = {"SLURM_JOB_NUM_NODES": "2", "SECOND_NODE": "n2", "RATEFRONT_INTERFACE": "ib0"}
    code, errors = job.run("spec.yaml", "--out", "runs", **of_job)
    assert code == 0
    assert "ib0 has no IPv4 address on n2" in errors
    assert "Ray runs on 1 of 2 nodes" in errors
    assert len(job.calls("ray")) == 1


@pytest.mark.parametrize(
    ("variables", "address"),
    [
        ({}, None),
        ({"RATEFRONT_NODE_ADDRESSES": "n10=10.0.0.10,n1=10.0.0.1"}, "10.0.0.1"),
        ({"RATEFRONT_INTERFACE": "ib0"}, "10.1.0.1"),
        ({"RATEFRONT_INTERFACE": "ib0", "RATEFRONT_NODE_ADDRESSES": "n2=10.0.0.2"}, "10.1.0.1"),
    ],
)
def test_a_node_s_address_can_be_told(job: Job, variables: dict[str, str], address: str | None) -> None:
    assert job.run("spec.yaml", "--out", "runs", **variables)[0] == 0
    (words,) = job.calls("ray")
    told = words[words.index("--node-ip-address") + 1] if "--node-ip-address" in words else None
    assert told == address
    assert words[words.index("--num-cpus") + 1] == "4"
    assert words[words.index("--num-gpus") + 1] == "0"
