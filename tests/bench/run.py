"""``make bench``: every figure that an issue sets, measured, one line each; exit code 1 when one is short.

Each benchmark yields (name, value); its target and unit stand in ``targets.toml`` under the same name.
"""

from __future__ import annotations

import csv
import os
import statistics
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[2]
REPEATS = 3
Figures = Iterator[tuple[str, float]]


def _median_seconds(work: Callable[[], object]) -> float:
    times = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def bounds_of_a_thousand_classes() -> Figures:
    """A confusion of 50 000 samples, about 1 % dense: four in five right, the others among eight look-alikes."""
    from ratefront.bounds import Predictions, estimate_and_compress, indirect_estimate_and_compress

    rng = np.random.default_rng(0)
    labels = rng.integers(0, 1000, 50_000)
    wrong = (labels + rng.integers(1, 9, labels.size)) % 1000
    predicted = np.where(rng.random(labels.size) < 0.8, labels, wrong)
    joint = Predictions.from_decisions(labels, predicted).joint
    yield "estimate_and_compress_k1000", _median_seconds(lambda: estimate_and_compress(joint))
    yield (
        "indirect_estimate_and_compress_k1000",
        _median_seconds(lambda: indirect_estimate_and_compress(joint)),
    )


def replay() -> Figures:
    """A ledger of 10 000 finished trials with 20 reports each, from the file to an engine that could go on."""
    from ratefront.engine.engine import Engine
    from ratefront.spec.load import load_spec
    from ratefront.store.ledger import read_entries

    loaded = load_spec(ROOT / "sweeps" / "digits.yaml", trials=10_000)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.jsonl"
        _write_long_ledger(path, 10_000, 20)
        seconds = _median_seconds(lambda: Engine(loaded.spec, loaded.space, read_entries(path)))
    yield "ledger_replay_10000_trials", seconds


def _write_long_ledger(path: Path, trials: int, reports: int) -> None:
    from ratefront import events
    from ratefront.events import Entry
    from ratefront.records import Measurement, TrialResult
    from ratefront.store.ledger import format_line

    measured = Measurement(360, 3.3, 3.2, 8.0, 1.0, 4.3, 0.9)
    happened: list[events.Event] = [events.Created("long", {}, "0")]
    for number in range(trials):
        name = f"t{number:04d}"
        values = {"family": "label", "method": "time_shared", "share": 0.1 + 0.8 * number / trials}
        result = TrialResult(name, "finished", "", measured, measured, 1000 + number, 1, 0.1, 1.0)
        happened += [events.Planned(name, number, number, values), events.Started(name, 1, "worker")]
        happened += [
            events.Reported(name, 1, step + 1, {"loss": 1.0, "accuracy": 0.9}) for step in range(reports)
        ]
        happened.append(events.Finished(name, 1, result.to_json()))
    path.write_bytes(
        b"".join(format_line(Entry(seq, float(seq), event)) for seq, event in enumerate(happened))
    )


def demo() -> Figures:
    """The demo once, with an empty cache of task models."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "RATEFRONT_CACHE": f"{folder}/cache"}
        command = [
            sys.executable,
            "-c",
            "from ratefront.cli import main; main()",
            "sweep",
            "sweeps/digits.yaml",
        ]
        out = Path(folder) / "runs" / "digits"
        began = time.perf_counter()
        subprocess.run(
            [*command, "--out", str(out)], cwd=ROOT, env=environment, check=True, capture_output=True
        )
        yield "demo_work", time.perf_counter() - began
        with (out / "trials.csv").open(newline="") as stream:
            rows = [row for row in csv.DictReader(stream) if row["status"] == "finished"]
        yield "block_payload_over_estimate", max(map(_payload_over_estimate, rows))


def _payload_over_estimate(row: dict[str, str], samples: int = 360) -> float:
    payload, estimate = (samples * float(row[name]) for name in ("rate_bits", "rate_bits_estimated"))
    return (payload - 64) / estimate


BENCHMARKS = (bounds_of_a_thousand_classes, replay, demo)


def main() -> int:
    targets = tomllib.loads((Path(__file__).parent / "targets.toml").read_text())
    measured: set[str] = set()
    short = False
    for benchmark in BENCHMARKS:
        for name, value in benchmark():
            measured.add(name)
            target = targets[name]
            good = value <= target["at_most"] if "at_most" in target else value >= target["at_least"]
            short = short or not good
            limit = f"≤{target['at_most']}" if "at_most" in target else f"≥{target['at_least']}"
            print(
                f"bench {name} {value:.4g} {target['unit']} {limit} {'ok' if good else 'short'}", flush=True
            )
    unmeasured = targets.keys() - measured
    for name in sorted(unmeasured):
        print(f"bench {name} – {targets[name]['unit']} – short (nothing measures it)")
    return 1 if short or unmeasured else 0


if __name__ == "__main__":
    sys.exit(main())
