"""A driver to kill: ``python sweep_process.py FOLDER TRIALS new|resume``."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import ratefront.tracking
from conftest import loaded, run
from ratefront.orchestrate.interrupts import Interrupted


def main() -> int:
    folder, trials, how = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    silent = SimpleNamespace(wake=lambda: None, finish=lambda *values: 0)
    ratefront.tracking.open_tracking = lambda *values: silent
    try:
        run(loaded(trials, (2, 3, 7, 8, 9)), folder, resume=how == "resume")
    except Interrupted as error:
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
