"""The watchdog ends what a dead driver has left behind, and nothing else. No Ray: any process can be a cluster's."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from tests.orchestrate.driver_processes import wait_until
from tests.processes import Marked

from ratefront.orchestrate.cluster.driver_watchdog import _Process

pytestmark = pytest.mark.slow

#: A driver with a cluster of three: a plain process, one that ignores SIGTERM, and one that has lost its environment
#: but is called as Ray calls its own and has a file in the session's folder. Not of the cluster: the driver itself and
#: a stranger, who both read there. It ends the cluster when it gets a line, and itself when it gets another.
DRIVER = """
import os, signal, subprocess, sys, time
from pathlib import Path
from ratefront.orchestrate.cluster.driver_watchdog import ClusterWatchdog

folder = Path(sys.argv[1])
session = folder / "session_1" / "logs"
session.mkdir(parents=True)
def sleeper(code, name, title="python", **settings):
    log = (session / name).open("w")
    command = [title, "-c", code + "; import time; time.sleep(600)"]
    return subprocess.Popen(command, executable=sys.executable, stdout=log, **settings)
with ClusterWatchdog() as watchdog:
    with watchdog.watching():
        cluster = [sleeper("pass", "a"), sleeper("import signal; signal.signal(15, signal.SIG_IGN)", "b")]
        time.sleep(1)
        cluster.append(sleeper("pass", "c", "ray::Agent", env={"SWEEP_MARK": os.environ["SWEEP_MARK"]}))
    stranger = sleeper("pass", "d")
    log = (session / "e").open("w")
    (folder / "pids").write_text(f"{stranger.pid} " + " ".join(str(one.pid) for one in cluster))
    sys.stdin.readline()
    for one in cluster:
        one.kill()
        one.wait()
sys.stdin.readline()
"""


@pytest.fixture
def marked() -> Iterator[Marked]:
    """At the end nothing of it is left."""
    with closing(Marked()) as marked:
        yield marked


Start = Callable[[], subprocess.Popen[str]]


@pytest.fixture
def start(tmp_path: Path, marked: Marked) -> Iterator[Start]:
    """Starts a driver, which does not outlive its test."""
    with ExitStack() as drivers:

        def started() -> subprocess.Popen[str]:
            driver = drivers.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", DRIVER, str(tmp_path)],
                    env=os.environ | marked.environment,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                )
            )
            drivers.callback(driver.kill)
            wait_until((tmp_path / "pids").exists)
            time.sleep(0.1)
            return driver

        yield started


def _tell(driver: subprocess.Popen[str]) -> None:
    assert driver.stdin is not None
    driver.stdin.write("go on\n")
    driver.stdin.flush()


def watchdogs(marked: Marked) -> list[int]:
    return [pid for pid, called in marked.alive().items() if "driver_watchdog.py" in called]


def is_alive(pid: int) -> bool:
    try:
        return b") Z " not in Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return False


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_the_processes_of_a_dead_driver_are_ended(
    tmp_path: Path, start: Start, number: signal.Signals
) -> None:
    driver = start()
    stranger, *cluster = map(int, (tmp_path / "pids").read_text().split())
    driver.send_signal(number)
    driver.wait()
    wait_until(lambda: not any(map(is_alive, cluster)), within_s=10)
    assert is_alive(stranger), "it was not the cluster's"
    os.kill(stranger, signal.SIGKILL)
    driver.communicate()


def test_the_watchdog_ends_with_a_driver_that_shuts_down(
    tmp_path: Path, marked: Marked, start: Start
) -> None:
    driver = start()
    assert len(watchdogs(marked)) == 1
    stranger = int((tmp_path / "pids").read_text().split()[0])
    _tell(driver)
    wait_until(lambda: not watchdogs(marked), within_s=3)
    assert driver.poll() is None, "the watchdog ends first"
    _tell(driver)
    assert driver.wait(timeout=20) == 0
    assert is_alive(stranger)
    os.kill(stranger, signal.SIGKILL)
    driver.communicate()


def test_a_signal_to_the_whole_group_spares_the_watchdog(
    tmp_path: Path, marked: Marked, start: Start
) -> None:
    driver = start()
    (watchdog,) = watchdogs(marked)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1):
        os.kill(watchdog, number)
    stranger, *cluster = map(int, (tmp_path / "pids").read_text().split())
    assert all(map(is_alive, cluster))
    driver.kill()
    driver.wait()
    wait_until(lambda: not any(map(is_alive, cluster)), within_s=10)
    os.kill(stranger, signal.SIGKILL)
    driver.communicate()


def test_a_reused_process_number_is_left_alone() -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as other:
        now = _Process.of(other.pid)
        _Process(other.pid, b"1").send(signal.SIGKILL)
        time.sleep(0.2)
        assert other.poll() is None
        now.send(signal.SIGKILL)
        assert other.wait(timeout=5) == -signal.SIGKILL
