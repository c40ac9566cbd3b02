"""What tracking costs, loses and catches up, beside Ray's own callback, on SQLite and on a real server.

The server is ``mlflow server`` with four workers over PostgreSQL; both run on this machine, on the same cores as what
is measured.
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
from ratefront import events
from ratefront.tracking import open_tracking
from ratefront.tracking.protocol import Closing

ROUNDS, TRIALS, STOCK_TRIALS = 3, 20, 4
WORKERS = ("--workers", "4")
CAUGHT_UP_TRIALS, STEPS, METRICS = 1000, 20, ("loss", "rate_bits", "accuracy")
PATIENCE_S = 60.0


def measure() -> Figures:
    """All figures of the issue on tracking."""
    with _troubled_server() as troubled:
        uri = troubled.server.uri
        yield from _driver_time(uri)
        yield "tracking_catches_up", _trials_per_second(uri, Path(troubled.server.folder) / "sweep")
        yield from _outages(troubled)


@contextmanager
def _troubled_server() -> Iterator[outage.Troubled]:
    postgres = Postgres()
    try:
        with tempfile.TemporaryDirectory(prefix="ratefront-bench-") as folder:
            uri = postgres.create("tracking")
            with MlflowServer(uri, Path(folder), WORKERS) as server:
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


def _trials_per_second(uri: str, path: Path) -> float:
    """A sweep that has ended, sent to a server that knows nothing of it, from opening to the closed run."""
    sweep = new_folder(path)
    ledger = LedgerFile(sweep)
    ledger.append(beginning(path.name, CAUGHT_UP_TRIALS))
    ledger.append(list(finished_trials(CAUGHT_UP_TRIALS, STEPS, METRICS)))
    ledger.append([events.Ended("all trials ended")])
    began = time.perf_counter()
    follower = open_tracking(sweep, uri, "catching up")
    if follower.finish(Closing("finished", {"hypervolume": 1.0}, [sweep.spec]), PATIENCE_S):
        raise VoidBenchmarkError(f"the tracker has not caught up: {follower.error}")
    return CAUGHT_UP_TRIALS / (time.perf_counter() - began)


def _outages(troubled: outage.Troubled) -> Figures:
    ours = outage.ours(troubled, Path(troubled.server.folder))
    outage.tell("ours", ours)
    troubled.server.wait_until_healthy()
    outage.tell("stock", outage.stock(troubled))
    yield "tracking_points_lost", ours.lost
    yield "tracking_points_double", ours.double
