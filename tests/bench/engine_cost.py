"""What the engine and its driver cost: empty trials against Ray Tune's own parts, and a thousand slots in a simulation.

Both sweeps of empty trials run in processes of their own, one after the other, on two slots. The simulation is in
virtual time, except for the driver's own work, which takes as long as it takes here, fsync included.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from stopwatch import SweepSpeed
from timing import Figures, note

HERE = Path(__file__).parent
TRIALS, STOCK_TRIALS = 42, 12
SLOTS, SIMULATED_TRIALS, TRIAL_S = 1000, 10_000, 600.0


def measure_trials() -> Figures:
    """Empty trials on real workers, ours and stock."""
    ours, stock = sweep_speed("ratefront_sweep.py", TRIALS), sweep_speed("ray_tune_sweep.py", STOCK_TRIALS)
    for side, speed in (("ours", ours), ("stock", stock)):
        note(
            f"{side}: {speed.seconds_per_trial:.3f} s a trial, "
            f"{1000 * speed.driver_seconds_per_result:.2f} ms of the driver's time a result"
        )
    yield "empty_trial", ours.seconds_per_trial
    yield "empty_trial_over_stock", stock.seconds_per_trial / ours.seconds_per_trial
    yield "driver_time_per_result", 1000 * ours.driver_seconds_per_result


def measure_slots() -> Figures:
    """A thousand slots, ten thousand trials."""
    from ratefront.simulate.driver_capacity import measure_capacity

    found = measure_capacity(SLOTS, SIMULATED_TRIALS, TRIAL_S)
    note(
        f"simulated: {found.busy_share_whole:.1%} busy to the last end, driver {found.driver_share:.1%} at work, "
        f"{1000 * found.driver_s:.1f} ms a trial"
    )
    yield "simulated_slots_busy", 100 * found.busy_share


def plain_environment() -> dict[str, str]:
    """Return the environment without the variables that ratefront set for MLflow in this process."""
    return {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}


def sweep_speed(script: str, trials: int, uri: str = "") -> SweepSpeed:
    """Measure a sweep in a process of its own, tracked at ``uri``; raises CalledProcessError if it fails."""
    environment = {**plain_environment(), "PYTHONPATH": str(HERE)}  # Ray's workers find the empty trial there
    command = [sys.executable, "-W", "ignore", script, str(trials), *([uri] if uri else [])]
    run = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=HERE, env=environment)
    return SweepSpeed(**json.loads(run.stdout.strip().splitlines()[-1]))
