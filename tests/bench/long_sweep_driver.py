"""``ratefront`` with empty trials: python long_sweep_driver.py ARGUMENT… runs a command in a process of its own.

At its end it prints on standard error the most memory that it held. Ray's workers find the empty trial by its import
path, so that PYTHONPATH has to name this folder.
"""

from __future__ import annotations

import atexit
import sys

from timing import peak_bytes

from ratefront.cli import main
from ratefront.orchestrate import sweep_driver
from ratefront.orchestrate.sweep_driver import WorkerFunctions

WORK = WorkerFunctions("empty_trial:trial_steps", "empty_trial:prepare")
PEAK = "most memory: "


def tell_peak() -> None:
    print(f"{PEAK}{peak_bytes()}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sweep_driver.WorkerFunctions = lambda: WORK  # type: ignore[misc, assignment]
    atexit.register(tell_peak)
    main()
