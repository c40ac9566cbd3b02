"""Metric points while the server that takes them is killed and comes back: ours, and Ray's callback.

    python tests/bench/tracking_outage.py --outages 1 --down 300

Afterwards the points in the server's database are counted. ``--down`` is how many seconds each outage lasts
before the server is started again, which takes about ten seconds more. ``make bench`` has three outages of a second.
"""

from __future__ import annotations

import argparse
import itertools
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine_cost import plain_environment
from real_servers import MlflowServer, Postgres
from timing import VoidBenchmarkError, note
from written_sweep import LedgerFile, beginning, finish, new_folder, report, start, trial_id

from ratefront.history import events
from ratefront.tracking import open_tracking
from ratefront.tracking.delivery.follower import Follower
from ratefront.tracking.tracker_protocol import TrackedEnding

HERE = Path(__file__).parent
METRICS = ("loss", "rate_bits", "accuracy", "distortion", "learning_rate")
TRIALS, TRIALS_AT_ONCE, STEPS = 250, 25, 80
OUTAGES, DOWN_S = 3, 1.0
PACE_S = 0.02
PATIENCE_S = 120.0
STOCK_RESULTS = 60

Key = tuple[str, str, int]
"""Trial, metric, step."""


@dataclass(frozen=True)
class OutageResult:
    """Of ``sent`` points, how many the server lacks, and how many it holds more than once."""

    sent: int
    lost: int
    double: int
    longest_standstill_s: float


@dataclass
class InterruptedServer:
    """A server that can be killed while others talk to it."""

    server: MlflowServer
    postgres: Postgres
    database: str
    outages: int = OUTAGES
    down_s: float = DOWN_S

    def outage(self) -> None:
        self.server.kill()
        time.sleep(self.down_s)
        self.server.start_soon()

    def count(self) -> int:
        ((points,),) = self._rows("SELECT count(*) FROM metrics")
        return int(points)

    def points(self, experiment: str, label: str) -> Counter[Key]:
        """Count the points of runs that are not deleted, by the run's tag ``label`` (``?``: it has none)."""
        query = """
            SELECT coalesce(t.value, '?'), m.key, m.step FROM metrics m
            JOIN runs r ON r.run_uuid = m.run_uuid AND r.lifecycle_stage = 'active'
            JOIN experiments e ON e.experiment_id = r.experiment_id AND e.name = %s
            LEFT JOIN tags t ON t.run_uuid = m.run_uuid AND t.key = %s
        """
        rows = self._rows(query, experiment, label)
        return Counter((trial, key, int(step)) for trial, key, step in rows)

    def _rows(self, query: str, *values: str) -> list[Any]:
        import psycopg2

        with closing(psycopg2.connect(self.postgres.uri(self.database))) as connection:
            cursor = connection.cursor()
            cursor.execute(query, values)
            return list(cursor)


def measure_ours(interrupted: InterruptedServer, folder: Path) -> OutageResult:
    """Run a sweep that does not stop when its tracker's server does."""
    sweep = new_folder(folder / "outage")
    driver = _Driver(LedgerFile(sweep), open_tracking(sweep, interrupted.server.uri, "outage"))
    _report_all_trials(driver, interrupted)
    if driver.follower.finish(TrackedEnding("finished"), PATIENCE_S + interrupted.down_s):
        raise VoidBenchmarkError(f"the tracker has not caught up: {driver.follower.error}")
    sent = {
        (trial_id(number), f"epoch/{name}", step)
        for number in range(TRIALS)
        for name in METRICS
        for step in range(1, STEPS + 1)
    }
    stored = interrupted.points("outage", "trial_id")
    return OutageResult(
        len(sent), len(sent - stored.keys()), sum(stored.values()) - len(stored), driver.longest_s
    )


def _report_all_trials(driver: _Driver, interrupted: InterruptedServer) -> None:
    """Many trials at once report step by step; the outages are spread over the whole."""
    steps = itertools.count(1)
    outages_at = _spread(TRIALS // TRIALS_AT_ONCE * STEPS, interrupted.outages)
    driver.tell(beginning("outage", TRIALS))
    for first in range(0, TRIALS, TRIALS_AT_ONCE):
        wave = range(first, first + TRIALS_AT_ONCE)
        driver.tell([event for number in wave for event in start(number)])
        for step in range(1, STEPS + 1):
            driver.tell([report(number, step, METRICS) for number in wave])
            if next(steps) in outages_at:
                _until_points_come(interrupted)
                interrupted.outage()
        driver.tell([finish(number) for number in wave])
    driver.tell([events.Ended("all trials ended")])


def _spread(over: int, count: int) -> set[int]:
    return {over * (1 + number) // (count + 1) for number in range(count)}


@dataclass
class _Driver:
    """Writes a ledger, and times how long it takes to wake its follower."""

    ledger: LedgerFile
    follower: Follower
    longest_s: float = 0.0

    def tell(self, happened: list[events.Event]) -> None:
        self.ledger.append(happened)
        began = time.perf_counter()
        self.follower.wake()
        self.longest_s = max(self.longest_s, time.perf_counter() - began)
        time.sleep(PACE_S)


def _until_points_come(interrupted: InterruptedServer) -> None:
    """Wait until the server is back from the last outage and receives points: it is then killed while it works."""
    interrupted.server.wait_until_healthy()
    before = interrupted.count()
    while interrupted.count() == before:
        time.sleep(0.1)


def measure_stock(interrupted: InterruptedServer) -> OutageResult:
    """Give Ray's callback results as Tune does; it may fail, as the sweep would."""
    command = [
        sys.executable,
        "-W",
        "ignore",
        "ray_callback_outage.py",
        interrupted.server.uri,
        str(STOCK_RESULTS),
        *METRICS,
    ]
    longest, sent_results, outages_at = 0.0, 0, _spread(STOCK_RESULTS, interrupted.outages)
    with subprocess.Popen(
        command, cwd=HERE, env=plain_environment(), stdout=subprocess.PIPE, text=True
    ) as callback:
        assert callback.stdout is not None
        for line in callback.stdout:
            if not line.startswith("{"):
                continue  # MLflow's links
            said: dict[str, Any] = json.loads(line)
            sent_results, longest = said["result"], max(longest, said["seconds"])
            if sent_results in outages_at:
                threading.Thread(target=interrupted.outage).start()
    if callback.returncode:
        note(f"stock: broke after {sent_results} of {STOCK_RESULTS} results")
    sent = {("stock", name, step) for name in METRICS for step in range(1, STOCK_RESULTS + 1)}
    stored = interrupted.points("stock", "trial_name")
    curves = Counter({key: count for key, count in stored.items() if key in sent})
    return OutageResult(len(sent), len(sent - curves.keys()), sum(curves.values()) - len(curves), longest)


def note_result(side: str, found: OutageResult) -> None:
    note(
        f"{side}: {found.sent} points, {found.lost} lost, {found.double} double; the driver's "
        f"thread stood still for up to {found.longest_standstill_s:.3g} s"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--outages", type=int, default=OUTAGES, metavar="N")
    parser.add_argument("--down", type=float, default=DOWN_S, metavar="S")
    wanted = parser.parse_args()
    postgres = Postgres()
    try:
        with tempfile.TemporaryDirectory(prefix="ratefront-bench-") as temporary:
            folder = Path(temporary)
            database = "outages"
            with MlflowServer(postgres.create(database), folder, ("--workers", "4")) as server:
                interrupted = InterruptedServer(server, postgres, database, wanted.outages, wanted.down)
                note_result("ours", measure_ours(interrupted, folder))
                server.wait_until_healthy()
                note_result("stock", measure_stock(interrupted))
    finally:
        postgres.remove()


if __name__ == "__main__":
    main()
