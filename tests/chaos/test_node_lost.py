"""A cluster of three nodes on this machine, one of which is lost while its trial runs."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

import psutil
import pytest
from tests.chaos.real_sweeps import RealSweep, training
from tests.chaos.trial_accounting import assert_accounted
from tests.processes import Marked

from ratefront.history.events import Failed
from ratefront.store.ledger.ledger_file import read_entries

HEAD, NODES = "127.0.0.2", ("127.0.0.3", "127.0.0.4")
PORT = 26379
PATIENCE_S = 5.0


def _ray(*words: str, environment: dict[str, str]) -> None:
    ray = str(Path(sys.executable).with_name("ray"))
    done = subprocess.run([ray, *words], env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


@contextmanager
def cluster(marked: Marked, environment: dict[str, str]) -> Iterator[None]:
    """A head without CPUs and a node of one CPU on each further address, started one after another."""
    common = ["--disable-usage-stats", "--object-store-memory", str(80 * 2**20)]
    temporary = ["--temp-dir", str(marked.ray_folder)]
    head = ["--head", "--port", str(PORT), "--node-ip-address", HEAD, "--num-cpus", "0"]
    try:
        _ray("start", *head, "--include-dashboard=false", *common, *temporary, environment=environment)
        for node in NODES:
            address = ["--address", f"{HEAD}:{PORT}", "--node-ip-address", node, "--num-cpus", "1"]
            _ray("start", *address, *common, environment=environment)
        yield
    finally:
        while left := _processes(marked):  # what dies may start another first
            _end(left)


def _processes(marked: Marked) -> list[psutil.Process]:
    processes = []
    for pid in marked.alive():
        with suppress(psutil.NoSuchProcess):
            processes.append(psutil.Process(pid))
    return processes


def _end(processes: list[psutil.Process]) -> None:
    for process in processes:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(processes, timeout=20)


def _node_of(worker: psutil.Process) -> list[psutil.Process]:
    """The raylet that started a worker, with everything under it."""
    raylet = next(parent for parent in worker.parents() if parent.name() == "raylet")
    return [raylet, *raylet.children(recursive=True)]


def _workers(marked: Marked) -> list[psutil.Process]:
    def title(process: psutil.Process) -> str:
        try:
            return " ".join(process.cmdline())
        except psutil.NoSuchProcess:
            return ""

    return [process for process in _processes(marked) if title(process).startswith("ray::TrialActor")]


def _a_worker(marked: Marked) -> psutil.Process:
    """Return a worker that runs a trial; between two trials it has another title for a moment."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        if workers := _workers(marked):
            return workers[0]
        time.sleep(0.05)
    raise AssertionError("no worker runs a trial")


@pytest.mark.slow
@pytest.mark.chaos
def test_the_trials_of_a_lost_node_go_on_elsewhere(
    new_sweep: Callable[..., RealSweep],
) -> None:
    sweep, trials = new_sweep(8), 8
    secret = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": uuid4().hex * 2}
    environment = os.environ | sweep.marked.environment | secret
    sweep.environment = {"RAY_ADDRESS": f"{HEAD}:{PORT}", **secret}
    with cluster(sweep.marked, environment):
        with sweep.driver("--set", "resources.concurrent=2") as driver:
            sweep.wait(driver, lambda h: h.trials_ended >= 1 and training(h) is not None)
            worker = _a_worker(sweep.marked)
            print(f"node lost: {sweep.moment()}")
            _end(_node_of(worker))
            code, errors = driver.end()
        assert code == 0, errors
    assert_accounted(sweep.folder, trials)
    events = [entry.event for entry in read_entries(sweep.folder.ledger)]
    lost = [event for event in events if isinstance(event, Failed) and not event.final]
    assert {event.error for event in lost} == {"WorkerLostError"}
