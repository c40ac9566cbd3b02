"""Processes that run one trial are killed at any moment; the last one ends it with the bits of an undisturbed trial."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import signal
import time
from itertools import count
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from typing import Any

import pytest
from tests.small_sweep import small_sweep_spec
from tests.trial.trial_bits import OUTCOME, result_bits, run_bits, trial_params

from ratefront.store.files import atomic_files
from ratefront.store.sweep_folder import SweepFolder
from ratefront.trial import run_trial
from ratefront.trial.run_trial import trial_steps
from ratefront.trial.trial_context import TrialContext

pytestmark = pytest.mark.slow

EPOCHS = 25
KILLS = 12


@pytest.fixture(scope="module")
def processes() -> ForkServerContext:
    """Children of a process that has torch loaded: each is at work within a tenth of a second."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        ["ratefront.trial.run_trial", "ratefront.codecs.entropy_models.densities", "tests.trial.trial_bits"]
    )
    return context


@pytest.fixture(scope="module")
def sweep(task_model_folder: Path) -> TrialContext:
    return TrialContext(small_sweep_spec(training={"epochs": EPOCHS}), task_model_folder.parent)


def _run(context: TrialContext, example: str, trial_id: str, log: Path) -> None:
    """Run the trial; write each step, and at the end the bits, to a file."""
    import torch

    torch.set_num_threads(1)
    steps = trial_steps(trial_params(example, trial_id), context)
    with log.open("a", buffering=1) as notes:
        while True:
            try:
                notes.write(f"{next(steps).step}\n")
            except StopIteration as end:
                bits = result_bits(context.folder, trial_id, end.value)
                notes.write(json.dumps(bits, default=str) + "\n")
                return


def _lines(log: Path) -> list[str]:
    return log.read_text().splitlines() if log.exists() else []


def _kill(process: ForkServerProcess, log: Path, steps: int, seconds: float) -> bool:
    """Kill a process so many seconds after it has reported so many steps; False where it ends before."""
    while process.is_alive() and len(_lines(log)) < steps:
        time.sleep(0.002)
    process.join(seconds)
    killed = process.is_alive()
    process.kill()
    return killed


def _plain(bits: dict[str, Any]) -> dict[str, str]:
    plain: dict[str, str] = json.loads(json.dumps(bits, default=str))
    return plain


@pytest.mark.parametrize("example", ["split-categorical", "split-factorized"])
def test_a_trial_killed_many_times_ends_with_the_same_bits(
    processes: ForkServerContext, sweep: TrialContext, tmp_path: Path, example: str
) -> None:
    undisturbed = _plain(run_bits(sweep, trial_params(example, f"undisturbed-{example}")))
    chance, kills = random.Random(example), 0
    attempts: list[list[str]] = []
    while not (attempts and attempts[-1] and attempts[-1][-1].startswith("{")):
        log = tmp_path / f"attempt-{len(attempts)}"
        process = processes.Process(target=_run, args=(sweep, example, f"killed-{example}", log))
        process.start()
        if kills < KILLS:
            kills += _kill(process, log, chance.randint(1, 3), chance.uniform(0, 0.06))
        process.join()
        attempts.append(_lines(log))
    steps = [[int(line) for line in lines if line.isdigit()] for lines in attempts]
    assert kills >= 5
    assert any(attempt[:1] > [1] for attempt in steps), "no attempt went on from a checkpoint"
    assert sorted({step for attempt in steps for step in attempt}) == list(range(1, EPOCHS + 1))
    assert json.loads(attempts[-1][-1]) == undisturbed


def _run_until_the_third_save(context: TrialContext, trial_id: str, log: Path) -> None:
    """Run the trial, and die when the third checkpoint is written but not yet renamed."""
    saves = count(1)

    def replace(draft: Path, path: Path) -> None:
        if next(saves) == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        draft.rename(path)

    run_trial.CHECKPOINT_TIME_SHARE = 1e9  # as often as can be
    atomic_files.os.replace = replace  # type: ignore[assignment]
    _run(context, "split-categorical", trial_id, log)


def test_a_kill_during_a_save_resumes_from_the_previous_checkpoint(
    processes: ForkServerContext, sweep: TrialContext, tmp_path: Path
) -> None:
    path = SweepFolder(sweep.folder).trial("torn").checkpoint
    undisturbed = _plain(run_bits(sweep, trial_params("split-categorical", "undisturbed-torn")))
    logs = [tmp_path / "first", tmp_path / "second"]
    first = processes.Process(target=_run_until_the_third_save, args=(sweep, "torn", logs[0]))
    first.start()
    first.join()
    assert first.exitcode == -signal.SIGKILL
    assert len(list(path.parent.iterdir())) == 2, "the checkpoint and the draft of the next"
    second = processes.Process(target=_run, args=(sweep, "split-categorical", "torn", logs[1]))
    second.start()
    second.join()
    *steps, bits = _lines(logs[1])
    assert steps[0] == "3"
    assert json.loads(bits) == undisturbed
    assert {left.name for left in path.parent.iterdir()} == OUTCOME | {path.name}, "and no draft"


def test_a_kill_during_evaluation_repeats_no_epoch(
    processes: ForkServerContext, sweep: TrialContext, tmp_path: Path
) -> None:
    files = SweepFolder(sweep.folder).trial("late")
    undisturbed = _plain(run_bits(sweep, trial_params("split-categorical", "undisturbed-late")))
    first = processes.Process(target=_run, args=(sweep, "split-categorical", "late", tmp_path / "first"))
    first.start()
    while not files.codec_weights.exists():
        time.sleep(0.001)
    first.kill()
    first.join()
    assert not files.samples.exists()
    second = processes.Process(target=_run, args=(sweep, "split-categorical", "late", tmp_path / "second"))
    second.start()
    second.join()
    (bits,) = _lines(tmp_path / "second")
    assert json.loads(bits) == undisturbed
    assert {path.name for path in files.path.iterdir()} == OUTCOME | {files.checkpoint.name}
