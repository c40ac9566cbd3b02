"""The demo, as a person runs it."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from timing import Figures

ROOT = Path(__file__).parents[2]


def measure() -> Figures:
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
