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

import tracking_outage
from engine_cost import sweep_speed
from real_servers import MlflowServer, Postgres
from timing import Figures, VoidBenchmarkError, note
from written_sweep import LedgerFile, beginning, finished_trials, new_folder

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
    """Measure all figures on tracking."""
    with _interrupted_server() as interrupted:
        uri = interrupted.server.uri
        yield from _driver_time(uri)
        note(f"catching up with a server under uvicorn: {_trials_per_second(interrupted):.1f} trials/s")
        yield from _outages(interrupted)
    with _interrupted_server(GUNICORN) as interrupted:
        yield "tracking_catches_up", _trials_per_second(interrupted)


@contextmanager
def _interrupted_server(
    served_by: tuple[str, ...] = QUIET_UVICORN,
) -> Iterator[tracking_outage.InterruptedServer]:
    postgres = Postgres()
    try:
        with tempfile.TemporaryDirectory(prefix="ratefront-bench-") as folder:
            uri = postgres.create("tracking")
            with MlflowServer(uri, Path(folder), WORKERS, served_by=served_by) as server:
                yield tracking_outage.InterruptedServer(server, postgres, "tracking")
    finally:
        postgres.remove()


def _driver_time(uri: str) -> Figures:
    """Sweeps of empty trials with tracking and without in turn, so that a slow minute hits all."""
    places = {"off": "off", "sqlite": "", "http": uri}
    rounds = [
        {name: sweep_speed("ratefront_sweep.py", TRIALS, place) for name, place in places.items()}
        for _ in range(ROUNDS)
    ]
    without = statistics.median(one["off"].driver_seconds_per_result for one in rounds)
    for name in ("sqlite", "http"):
        ours = statistics.median(one[name].tracking_seconds_per_result for one in rounds)
        whole = statistics.median(one[name].driver_seconds_per_result for one in rounds)
        stock = sweep_speed("ray_tune_sweep.py", STOCK_TRIALS, places[name]).tracking_seconds_per_result
        note(
            f"{name}: the driver's thread spends {1e3 * ours:.4f} ms a result on its tracker, Ray's {1e3 * stock:.1f}; "
            f"with engine and ledger ours takes {1e3 * whole:.2f} ms, {1e3 * without:.2f} ms without tracking"
        )
        yield f"tracking_driver_time_{name}", 1e3 * ours


def _trials_per_second(interrupted: tracking_outage.InterruptedServer) -> float:
    """Send an ended sweep to a server that does not know it, and time it from opening to the closed run.

    A small sweep goes first: every process of a server takes seconds for its first requests.
    """
    _catch_up(interrupted, "warming up", 20)
    return CAUGHT_UP_TRIALS / _catch_up(interrupted, "catching up", CAUGHT_UP_TRIALS)


def _catch_up(interrupted: tracking_outage.InterruptedServer, name: str, trials: int) -> float:
    """Return how many seconds it takes."""
    sweep = new_folder(Path(interrupted.server.folder) / name)
    ledger = LedgerFile(sweep)
    ledger.append(beginning(name, trials))
    ledger.append(list(finished_trials(trials, STEPS, METRICS)))
    ledger.append([events.Ended("all trials ended")])
    began = time.perf_counter()
    follower = open_tracking(sweep, interrupted.server.uri, name)
    if follower.finish(TrackedEnding("finished", {"hypervolume": 1.0}, [sweep.spec]), PATIENCE_S):
        raise VoidBenchmarkError(f"the tracker has not caught up: {follower.error}")
    return time.perf_counter() - began


def _outages(interrupted: tracking_outage.InterruptedServer) -> Figures:
    ours = tracking_outage.measure_ours(interrupted, Path(interrupted.server.folder))
    tracking_outage.note_result("ours", ours)
    interrupted.server.wait_until_healthy()
    tracking_outage.note_result("stock", tracking_outage.measure_stock(interrupted))
    yield "tracking_points_lost", ours.lost
    yield "tracking_points_double", ours.double
