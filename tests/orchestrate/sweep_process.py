"""A driver to kill: ``python sweep_process.py FOLDER TRIALS [resume] [long] [merged=N,…] [draws]``."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from conftest import drawn, loaded, run
from ratefront.errors import RatefrontError
from ratefront.orchestrate import sweep_followers
from ratefront.orchestrate.interrupts import Interrupted
from ratefront.orchestrate.sweep_driver import WorkerFunctions


def draw_for_long(folder: Any, history: Any) -> Any:
    (folder.path / "drawing").touch()
    time.sleep(3600)
    return drawn(folder)


def main() -> int:
    folder, trials, options = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    silent = SimpleNamespace(wake=lambda: None, finish=lambda *values: 0)
    sweep_followers.open_tracking = lambda *_, **__: silent
    choices = next(
        (option.removeprefix("merged=") for option in options if option.startswith("merged=")), "2,3,7,8,9"
    )
    prepare = "prepare_long" if "long" in options else "prepare"
    try:
        run(
            loaded(trials, tuple(map(int, choices.split(",")))),
            folder,
            resume="resume" in options,
            report=draw_for_long if "draws" in options else drawn,
            functions=WorkerFunctions(
                "fake_work:trial_steps", f"fake_work:{prepare}", "fake_work:limit_memory"
            ),
        )
    except Interrupted as error:
        return error.exit_code
    except RatefrontError as error:
        print(error)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
