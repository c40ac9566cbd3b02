"""Work for real workers that costs nothing: found by its import path, as the real one is."""

from __future__ import annotations

import ctypes
import hashlib
import os
import signal
import threading
import time
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

from ratefront.errors import InputError
from ratefront.history.events import TaskModelReady
from ratefront.spec.sweep_spec import Named, SweepSpec
from ratefront.store.files.checksummed_folder import write_checksums
from ratefront.store.forecast_file import (
    CalibratedFamily,
    CalibratedTaskModel,
    CalibrationFailure,
    CalibrationTrial,
)
from ratefront.store.same_inputs import check_inputs
from ratefront.store.sweep_folder import progress_path
from ratefront.store.task_model_progress import ProgressFile, TaskModelProgress
from ratefront.trial.trial_context import TrialContext
from ratefront.trial_records import GPU_MEMORY_SHARE, Measurement, Progress, TrialParams, TrialResult

OPEN = 0  # generators of this process that were started and not closed
LIMITS: list[float] = []  # the GPU shares that the trials of this process were limited to, in their order

LOAD_S, FIRST_S = 50.0, 7.0  # what calibration trials say of themselves

COLLAPSES, IS_NAN, DIES_ONCE, IS_WRONG, IS_INFINITE = 2, 3, 4, 5, 6
WRITES = 10  # a file into the sweep's folder, at each step
FULL_ONCE, ALWAYS_FULL, IS_SLOW, DIES_LATER, IS_LONG, FILLS_MEMORY_ONCE = 11, 12, 13, 14, 15, 16


def trial_steps(params: TrialParams, context: TrialContext) -> Generator[Progress, None, TrialResult]:
    """``merged`` (2…16) says what happens to the trial; see each branch."""
    global OPEN
    OPEN += 1
    leaked = OPEN - 1
    try:
        merged = int(params.values["merged"])
        for step in (1, 2):
            yield Progress(step, {"loss": float("nan") if merged == IS_NAN and step == 2 else 1.0 / step})
            _act(merged, params, context)
            time.sleep(float(os.environ.get("FAKE_STEP_S", "0")))
        return _result(params, context, leaked)
    finally:
        OPEN -= 1


def steady_steps(params: TrialParams, context: TrialContext) -> Generator[Progress, None, TrialResult]:
    """Eight epochs of a tenth of a second at 4 bit; ``merged`` is the accuracy in per cent from the first one on."""
    accuracy = int(params.values["merged"]) / 100
    for step in range(1, 9):
        time.sleep(0.1)
        yield Progress(step, {"rate_bits_estimated": 4.0, "accuracy": accuracy})
    measured = Measurement(100, 4.0, 4.0, 8.0, 0.5, 4.5, accuracy)
    return TrialResult(
        params.trial_id, "finished", "", measured, measured, 100, 10, 0.1, 0.2, {"pid": os.getpid()}
    )


def _act(merged: int, params: TrialParams, context: TrialContext) -> None:
    if merged == DIES_ONCE and _is_first(context.folder, params.trial_id):
        os.kill(os.getpid(), signal.SIGKILL)
    if merged == IS_WRONG:
        raise ValueError("a bad configuration")
    if merged == ALWAYS_FULL or (merged == FULL_ONCE and context.batch_divisor == 1):
        raise MemoryError
    if merged == WRITES:
        (context.folder / f"written-{params.trial_id}").write_text("by the trial")
    if merged == IS_SLOW:
        time.sleep(1.0)
    if merged == DIES_LATER and _is_first(context.folder, "any"):
        threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGKILL)).start()
    if merged == IS_LONG and (context.folder / "long").exists():
        time.sleep(3600)
    if merged == IS_LONG and (context.folder / "stuck").exists():
        ctypes.PyDLL(None).sleep(
            3600
        )  # in C code that holds Python's lock, so that no thread of Python's goes on
    if merged == FILLS_MEMORY_ONCE and context.batch_divisor == 1:
        parts = [_fill_memory() for _ in range(60)]
        raise AssertionError(f"the memory monitor allowed {len(parts)} parts of 100 MiB")


def _fill_memory() -> bytearray:
    """100 MiB that are really there."""
    time.sleep(0.1)
    return bytearray(b"x") * (100 * 2**20)


def _is_first(folder: Path, name: str) -> bool:
    mark = folder / f"died-{name}"
    is_first = not mark.exists()
    mark.touch()
    return is_first


def _result(params: TrialParams, context: TrialContext, leaked: int) -> TrialResult:
    merged = int(params.values["merged"])
    measured = Measurement(100, merged / 4, merged / 4, 8.0, 0.5, merged / 4 + 0.5, 1 - 1 / merged)
    extra = {
        "pid": os.getpid(),
        "leaked": leaked,
        "seed": params.seed,
        "threads": int(os.environ["OMP_NUM_THREADS"]),
        "batch_divisor": context.batch_divisor,
    }
    if context.device == "cuda":
        extra |= {GPU_MEMORY_SHARE: 0.3, "gpus": LIMITS[-1]}
    if merged == IS_INFINITE:
        extra["probe"] = float("inf")
    status = "collapsed" if merged == COLLAPSES else "finished"
    return TrialResult(params.trial_id, status, "", measured, measured, 100 * merged, 10, 0.1, 0.2, extra)


def limit_memory(gpus: float) -> None:
    LIMITS.append(gpus)


def prepare(spec: SweepSpec, folder: Path, device: str) -> TaskModelReady:
    return _prepared("fake", folder, device)


def prepare_other(spec: SweepSpec, folder: Path, device: str) -> TaskModelReady:
    return _prepared("another", folder, device)


def _prepared(identity: str, folder: Path, device: str) -> TaskModelReady:
    folder.mkdir(exist_ok=True)
    facts = {"identity": identity, "device": device, "pid": os.getpid()}
    write_checksums(folder, facts)
    return TaskModelReady(identity, 0.97, 0.96, 12345)


def prepare_slowly(spec: SweepSpec, folder: Path, device: str) -> TaskModelReady:
    """Reports an epoch every second, as the real one does."""
    progress = ProgressFile(progress_path(folder))
    for epochs_done in range(3):
        progress.write(TaskModelProgress(3, epochs_done, seconds=1.0 * epochs_done))
        time.sleep(1.0)
    progress.remove()
    return _prepared("fake", folder, device)


def prepare_refused(spec: SweepSpec, folder: Path, device: str) -> TaskModelReady:
    raise InputError("the data set is not there")


def prepare_broken(spec: SweepSpec, folder: Path, device: str) -> TaskModelReady:
    raise ZeroDivisionError("training went wrong")


def prepare_long(spec: SweepSpec, folder: Path, device: str) -> TaskModelReady:
    time.sleep(3600)
    raise AssertionError("no test waits so long")


def prepare_on_data(spec: SweepSpec, folder: Path, device: str) -> TaskModelReady:
    return replace(_prepared("fake", folder, device), inputs=inputs(spec))


def inputs(spec: SweepSpec) -> dict[str, str]:
    content = Path(spec.dataset.parameters["path"]).read_bytes()
    return {"dataset": hashlib.sha256(content).hexdigest()}


def trial_steps_on_data(params: TrialParams, context: TrialContext) -> Generator[Progress, None, TrialResult]:
    check_inputs(context.inputs, inputs(context.spec), context.spec)
    return (yield from trial_steps(params, context))


def trial_steps_whose_data_change(
    params: TrialParams, context: TrialContext
) -> Generator[Progress, None, TrialResult]:
    Path(context.spec.dataset.parameters["path"]).write_bytes(b"two")
    return (yield from trial_steps_on_data(params, context))


def calibrated_task_model(spec: SweepSpec, device: str) -> CalibratedTaskModel:
    return CalibratedTaskModel(18.0 if device == "cuda" else 36.0, spec.task_model)


def calibrated(
    spec: SweepSpec, task_model: Named, configurations: list[dict[str, int | str]], device: str
) -> CalibratedFamily:
    """Trials that take as many seconds as ``merged`` says."""
    share = 0.3 if device == "cuda" else None
    trials = [
        CalibrationTrial(
            values["family"], values, 0.0, 0.0, 0, float(values["merged"]), 1000, gpu_memory_share=share
        )
        for values in configurations
    ]
    return CalibratedFamily(trials, [], LOAD_S, FIRST_S)


def not_calibrated(*arguments: object) -> None:
    raise InputError("the data set is not there")


def all_fail(
    spec: SweepSpec, task_model: Named, configurations: list[dict[str, int]], device: str
) -> CalibratedFamily:
    failures = [CalibrationFailure("label", values, "MemoryError: full") for values in configurations]
    return CalibratedFamily([], failures, LOAD_S, FIRST_S)
