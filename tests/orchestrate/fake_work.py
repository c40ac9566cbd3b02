"""Work for real workers that costs nothing: found by its import path, as the real one is."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Generator
from pathlib import Path

from ratefront.errors import InputError
from ratefront.events import TaskModelReady
from ratefront.records import Measurement, Progress, TrialParams, TrialResult
from ratefront.spec.schema import SweepSpec
from ratefront.trial.context import TrialContext

OPEN = 0  # generators of this process that were begun and not closed


def trial_steps(params: TrialParams, context: TrialContext) -> Generator[Progress, None, TrialResult]:
    """``merged`` (2…10) says what happens to the trial; see each branch."""
    global OPEN
    OPEN += 1
    leaked = OPEN - 1
    try:
        merged = int(params.values["merged"])
        for step in (1, 2):
            yield Progress(step, {"loss": float("nan") if merged == 3 and step == 2 else 1.0 / step})
            if merged == 4:
                _die_once(context.folder, params.trial_id)
            if merged == 5:
                raise ValueError("a bad configuration")
            time.sleep(float(os.environ.get("FAKE_STEP_S", "0")))
        return _result(params, leaked)
    finally:
        OPEN -= 1


def _die_once(folder: Path, trial_id: str) -> None:
    mark = folder / f"died-{trial_id}"
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)


def _result(params: TrialParams, leaked: int) -> TrialResult:
    merged = int(params.values["merged"])
    measured = Measurement(100, merged / 4, merged / 4, 8.0, 0.5, merged / 4 + 0.5, 1 - 1 / merged)
    extra = {"pid": os.getpid(), "leaked": leaked, "seed": params.seed, "threads": _threads()}
    if merged == 6:
        extra["probe"] = float("inf")
    status = "collapsed" if merged == 2 else "finished"
    return TrialResult(params.trial_id, status, "", measured, measured, 100 * merged, 10, 0.1, 0.2, extra)


def _threads() -> int:
    return int(os.environ["OMP_NUM_THREADS"])


def prepare(spec: SweepSpec, folder: Path, device: str) -> TaskModelReady:
    folder.mkdir(exist_ok=True)
    (folder / "facts.json").write_text(json.dumps({"device": device, "pid": os.getpid()}))
    return TaskModelReady("fake", 0.97, 0.96, 12345)


def prepare_refused(spec: SweepSpec, folder: Path, device: str) -> TaskModelReady:
    raise InputError("the data set is not there")


def prepare_broken(spec: SweepSpec, folder: Path, device: str) -> TaskModelReady:
    raise ZeroDivisionError("training went wrong")
