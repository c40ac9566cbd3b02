"""What tracking costs, loses and catches up, beside Ray's own callback, on SQLite and on a real server.

The server is ``mlflow server`` with four workers over PostgreSQL; both run on this machine, on the same cores as what
is measured. It serves by uvicorn, MLflow's default, and where catching up is measured also by gunicorn.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import outage
from real_servers import MlflowServer, Postgres
from timing import Figures, VoidBenchmarkError, note
from tracked_sweep import LedgerFile, beginning, finished_trials, new_folder

from engine import sweep_speed
from ratefront.history import events
from ratefront.tracking import open_tracking
from ratefront.tracking.browsing.mlflow_ui import QUIET_UVICORN
from ratefront.tracking.tracker_protocol import TrackedEnding

ROUNDS, TRIALS, STOCK_TRIALS = 3, 20, 4
WORKERS = ("--workers", "4")
GUNICORN = ("--gunicorn-opts", "--log-level=warning --threads=2")
CAUGHT_UP_TRIALS, STEPS, METRICS = 1000, 20, ("loss", "rate_bits", "accuracy")
PATIENCE_S = 60.0


def measure() -> Figures:
    """All figures of the issue on tracking."""
    with _troubled_server() as troubled:
        uri = troubled.server.uri
        yield from _driver_time(uri)
        note(f"catching up with a server under uvicorn: {_trials_per_second(troubled):.1f} trials/s")
        yield from _outages(troubled)
    with _troubled_server(GUNICORN) as troubled:
        yield "tracking_catches_up", _trials_per_second(troubled)


@contextmanager
def _troubled_server(served_by: tuple[str, ...] = QUIET_UVICORN) -> Iterator[outage.Troubled]:
    postgres = Postgres()
    try:
        with tempfile.TemporaryDirectory(prefix="ratefront-bench-") as folder:
            uri = postgres.create("tracking")
            with MlflowServer(uri, Path(folder), WORKERS, served_by=served_by) as server:
                yield outage.Troubled(server, postgres, "tracking")
    finally:
        postgres.remove()


def _driver_time(uri: str) -> Figures:
    """Sweeps of empty trials with tracking and without in turn, so that a slow minute hits all."""
    places = {"off": "off", "sqlite": "", "http": uri}
    rounds = [
        {name: sweep_speed("ours.py", TRIALS, place) for name, place in places.items()} for _ in range(ROUNDS)
    ]
    without = statistics.median(one["off"].driver_seconds_per_result for one in rounds)
    for name in ("sqlite", "http"):
        ours = statistics.median(one[name].tracking_seconds_per_result for one in rounds)
        whole = statistics.median(one[name].driver_seconds_per_result for one in rounds)
        stock = sweep_speed("stock.py", STOCK_TRIALS, places[name]).tracking_seconds_per_result
        note(
            f"{name}: the driver's thread spends {1e3 * ours:.4f} ms a result on its tracker, Ray's {1e3 * stock:.1f}; "
            f"with engine and ledger ours takes {1e3 * whole:.2f} ms, {1e3 * without:.2f} ms where nobody tracks"
        )
        yield f"tracking_driver_time_{name}", 1e3 * ours


def _trials_per_second(troubled: outage.Troubled) -> float:
    """Of a sweep that has ended, sent to a server that knows nothing of it, from opening to the closed run.

    Before it goes a small one: every process of a server takes seconds over its first requests.
    """
    _catch_up(troubled, "warming up", 20)
    return CAUGHT_UP_TRIALS / _catch_up(troubled, "catching up", CAUGHT_UP_TRIALS)


def _catch_up(troubled: outage.Troubled, name: str, trials: int) -> float:
    """Seconds that it takes."""
    sweep = new_folder(Path(troubled.server.folder) / name)
    ledger = LedgerFile(sweep)
    ledger.append(beginning(name, trials))
    ledger.append(list(finished_trials(trials, STEPS, METRICS)))
    ledger.append([events.Ended("all trials ended")])
    began = time.perf_counter()
    follower = open_tracking(sweep, troubled.server.uri, name)
    if follower.finish(TrackedEnding("finished", {"hypervolume": 1.0}, [sweep.spec]), PATIENCE_S):
        raise VoidBenchmarkError(f"the tracker has not caught up: {follower.error}")
    return time.perf_counter() - began


def _outages(troubled: outage.Troubled) -> Figures:
    ours = outage.ours(troubled, Path(troubled.server.folder))
    outage.tell("ours", ours)
    troubled.server.wait_until_healthy()
    outage.tell("stock", outage.stock(troubled))
    yield "tracking_points_lost", ours.lost
    yield "tracking_points_double", ours.double
