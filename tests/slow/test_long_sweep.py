"""A long sweep stops at once, however far its tracker is behind, and what was not delivered can be sent later."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread

import pytest

from ratefront.history.events import Ended, Event, Extended, Halted, Started
from ratefront.store.ledger.ledger_file import read_entries
from ratefront.store.ledger.read_ledger import read_history
from ratefront.store.sweep_folder import SweepFolder
from ratefront.tracking.tracking_uri import sqlite_uri

pytestmark = pytest.mark.slow

BENCH = Path(__file__).parents[1] / "bench"
TRIALS, MORE, SOON_S = 200, 4, 5.0


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> SweepFolder:
    """Many trials that have ended, nothing of which is in a tracker."""
    folder = SweepFolder(tmp_path_factory.mktemp("runs") / "long")
    command = [sys.executable, str(BENCH / "long_sweep.py"), str(folder.path), str(TRIALS)]
    subprocess.run(command, check=True, cwd=BENCH)
    return folder


@pytest.fixture
def silent_server() -> Iterator[str]:
    """The address of a server that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        accepted: list[socket.socket] = []

        def accept() -> None:
            while True:
                try:
                    accepted.append(server.accept()[0])
                except OSError:
                    return

        Thread(target=accept, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)
        for connection in accepted:
            connection.close()


class Driver:
    """``ratefront sweep`` with empty trials, which goes on with the sweep."""

    def __init__(self, sweep: SweepFolder, uri: str, *options: str) -> None:
        self.sweep, self._known = sweep, len(list(read_entries(sweep.ledger)))
        paths = filter(None, (os.environ.get("PYTHONPATH"), str(BENCH)))
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-W", "ignore", str(BENCH / "long_sweep_driver.py")),
                *("sweep", "--out", str(sweep.path), "--tracking-uri", uri, *options),
            ],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def new_events(self) -> list[Event]:
        return [entry.event for entry in read_entries(self.sweep.ledger)][self._known :]

    def wait_for(self, kind: type[Event]) -> None:
        deadline = time.monotonic() + 240
        while not any(isinstance(event, kind) for event in self.new_events()):
            assert self.process.poll() is None, self.process.communicate()[0]
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def end_by(self, ask: Callable[[], object]) -> str:
        """Its output; it must end soon after it was asked to."""
        began = time.monotonic()
        ask()
        output, _ = self.process.communicate(timeout=240)
        took_s = time.monotonic() - began
        assert self.process.returncode == 130, output
        assert took_s < SOON_S, f"{took_s:.1f} s; {output}"
        return output


def ratefront(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "ignore", "-c", "from ratefront.cli import main; main()", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True)


@pytest.mark.parametrize("moment", [Started, Ended], ids=["while trials run", "after the last trial"])
def test_stop_does_not_wait_for_a_server_that_never_answers(
    sweep: SweepFolder, silent_server: str, moment: type[Event]
) -> None:
    driver = Driver(sweep, silent_server, "--extend", str(MORE))
    driver.wait_for(moment)
    output = driver.end_by(lambda: ratefront("stop", str(sweep.path)))
    assert "they stay in the ledger" in output or moment is Ended, "after the last trial it may still draw"
    assert isinstance(driver.new_events()[-1], Halted | Ended)


def test_what_an_interrupted_driver_left_is_sent_later(sweep: SweepFolder, tmp_path: Path) -> None:
    from mlflow.tracking import MlflowClient

    uri = sqlite_uri(tmp_path / "mlflow.db")
    driver = Driver(sweep, uri, "--extend", str(MORE))
    driver.wait_for(Extended)
    output = driver.end_by(lambda: driver.process.send_signal(signal.SIGINT))
    assert "they stay in the ledger" in output
    ratefront("track", str(sweep.path), "--tracking-uri", uri)
    client = MlflowClient(uri)
    (experiment,) = (found for found in client.search_experiments() if found.name == "ratefront")
    runs = client.search_runs([experiment.experiment_id], max_results=5000)
    ended = read_history(sweep).trials_ended
    assert Counter(run.info.status for run in runs)["FINISHED"] == ended >= TRIALS
    assert "RUNNING" not in {run.info.status for run in runs}
