"""Earlier trials of a process, finished, stopped or failed, do not change a later one."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from tests.small_sweep import small_sweep_spec
from tests.trial.trial_bits import run_bits, trial_params

from ratefront.errors import DivergedError, WorkerLostError
from ratefront.trial.receiver import Receiver
from ratefront.trial.run_trial import run_trial, trial_steps
from ratefront.trial.trial_context import TrialContext

pytestmark = pytest.mark.medium

ALONE = """
import json, sys
from pathlib import Path
from tests.small_sweep import small_sweep_spec
from tests.trial.trial_bits import trial_params, run_bits
from ratefront.trial.trial_context import TrialContext
from ratefront.trial.threads import use_threads

use_threads(1)
context = TrialContext(small_sweep_spec(training={"epochs": 5}), Path(sys.argv[1]))
print(json.dumps(run_bits(context, trial_params("split-categorical", "alone")), default=str))
"""


@pytest.fixture(scope="module")
def alone(short_context: TrialContext) -> dict[str, str]:
    """The trial's bits in a process that runs nothing else."""
    command = [sys.executable, "-W", "ignore", "-c", ALONE, str(short_context.folder)]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=root)
    bits: dict[str, str] = json.loads(done.stdout)
    return bits


def _another(context: TrialContext) -> None:
    run_trial(trial_params("split-distilled", "another"), context)


def _refined(context: TrialContext) -> None:
    run_trial(trial_params("split-categorical-sga", "refined", seed=9), context)


def _stopped(context: TrialContext) -> None:
    steps = trial_steps(trial_params("split-categorical", "stopped-before", seed=9), context)
    next(steps)
    next(steps)
    steps.close()


def _crashed(context: TrialContext) -> None:
    broken = TrialContext(small_sweep_spec(training={"epochs": 5, "learning_rate": 1e30}), context.folder)
    with pytest.raises(DivergedError):
        run_trial(trial_params("split-categorical", "crashed"), broken)


@pytest.mark.parametrize("before", [_another, _refined, _stopped, _crashed])
def test_a_trial_has_the_same_bits_after_other_trials(
    short_context: TrialContext, alone: dict[str, str], before: Callable[[TrialContext], None]
) -> None:
    before(short_context)
    bits = run_bits(short_context, trial_params("split-categorical", f"after-{before.__name__}"))
    assert json.loads(json.dumps(bits, default=str)) == alone


def test_torchs_settings_are_restored_after_a_trial(short_context: TrialContext) -> None:
    modes = [torch.is_grad_enabled(), torch.get_default_dtype(), torch.get_num_threads()]
    _stopped(short_context)
    _crashed(short_context)
    assert modes == [torch.is_grad_enabled(), torch.get_default_dtype(), torch.get_num_threads()]


def test_an_interrupted_answer_reaches_no_later_trial(
    short_context: TrialContext, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A receiver that was interrupted between request and answer is not used again."""
    receiver = Receiver()
    with monkeypatch.context() as interrupted:
        interrupted.setattr("ratefront.trial.receiver.json.loads", _interrupt)
        with pytest.raises(KeyboardInterrupt):
            receiver.decode(Path("codec.json"), Path("codec.safetensors"), [], tmp_path)
    assert not receiver.running
    with pytest.raises(WorkerLostError):
        receiver.decode(Path("codec.json"), Path("codec.safetensors"), [], tmp_path)
    receiver.close()


def _interrupt(text: str) -> None:
    raise KeyboardInterrupt
