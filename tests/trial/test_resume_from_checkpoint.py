"""A trial that was interrupted resumes from its checkpoint, to the same bits."""

from __future__ import annotations

import errno
import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from tests.small_sweep import small_sweep_spec
from tests.trial.trial_bits import OUTCOME, result_bits, run_bits, trial_params

from ratefront.checkpoints import checkpoint_file
from ratefront.checkpoints.checkpoint_file import CheckpointFile
from ratefront.store.sweep_folder import SweepFolder
from ratefront.trial import run_trial as run_module
from ratefront.trial import train_codec
from ratefront.trial.run_trial import run_trial, trial_steps
from ratefront.trial.train_codec import checkpoint_identity
from ratefront.trial.trial_context import TrialContext
from ratefront.trial_records import TrialParams

pytestmark = pytest.mark.medium

CATEGORICAL, FACTORIZED = "split-categorical", "split-factorized"


@pytest.fixture(scope="module")
def undisturbed(short_context: TrialContext) -> dict[str, dict[str, Any]]:
    """What uninterrupted trials measured and wrote."""
    return {
        example: run_bits(short_context, trial_params(example, f"undisturbed-{example}"))
        for example in (CATEGORICAL, FACTORIZED)
    }


def _attempt(context: TrialContext, params: TrialParams, epochs: int | None = None) -> tuple[list[int], Any]:
    """Run one attempt, and close it after so many epochs; return the steps that it reports, and its result."""
    running, steps = trial_steps(params, context), []
    while True:
        try:
            steps.append(next(running).step)
        except StopIteration as end:
            return steps, end.value
        if len(steps) == epochs:
            running.close()
            return steps, None


def _checkpoint(context: TrialContext, params: TrialParams) -> Path:
    return SweepFolder(context.folder).trial(params.trial_id).checkpoint


@pytest.fixture
def always(monkeypatch: pytest.MonkeyPatch) -> None:
    """Save after every epoch at any cost, so that what is saved does not depend on this machine's speed."""
    monkeypatch.setattr(run_module, "CHECKPOINT_TIME_SHARE", 1e9)


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize("example", [CATEGORICAL, FACTORIZED])
@pytest.mark.parametrize("epochs", [2, 5])
def test_a_trial_stopped_many_times_ends_with_the_same_bits(
    short_context: TrialContext, undisturbed: dict[str, dict[str, Any]], example: str, epochs: int
) -> None:
    params = trial_params(example, f"pieces-{example}-{epochs}")
    reported: list[int] = []
    while True:
        torch.rand(7)  # what the process does between two attempts must not matter
        steps, result = _attempt(short_context, params, epochs)
        assert steps[:1] in ([], [max(1, len(set(reported)))])  # the last epoch was reported, not saved
        reported += steps
        if result is not None:
            break
    assert sorted(set(reported)) == [1, 2, 3, 4, 5]
    assert result_bits(short_context.folder, params.trial_id, result) == undisturbed[example]


def test_an_attempt_that_dies_in_evaluation_repeats_no_training(
    short_context: TrialContext, undisturbed: dict[str, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    params = trial_params(CATEGORICAL, "evaluated-twice")
    with monkeypatch.context() as broken:
        broken.setattr(run_module, "shared_receiver", lambda: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            _attempt(short_context, params)
    steps, result = _attempt(short_context, params)
    assert steps == []
    assert result_bits(short_context.folder, params.trial_id, result) == undisturbed[CATEGORICAL]


def test_a_lost_result_costs_no_training(short_context: TrialContext) -> None:
    params = trial_params(CATEGORICAL, "lost-result")
    _, lost = _attempt(short_context, params)
    steps, result = _attempt(short_context, params)
    assert steps == []
    assert result.test == lost.test


def test_a_trial_run_to_its_end_leaves_no_checkpoint(short_context: TrialContext) -> None:
    params = trial_params(CATEGORICAL, "tidy")
    _attempt(short_context, params, epochs=2)
    path = _checkpoint(short_context, params)
    assert [path] == list(path.parent.iterdir())
    path.with_name(f".{path.name}.of-a-killed-process.tmp").write_bytes(b"half")
    run_trial(params, short_context)
    assert {left.name for left in path.parent.iterdir()} == OUTCOME


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1000])


def _alter(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-2000] ^= 1
    path.write_bytes(data)


def _another_file(path: Path) -> None:
    save_file({"weights": torch.ones(3)}, path)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "truncated": _truncate,
    "one bit": _alter,
    "no checkpoint": _another_file,
    "no safetensors": lambda path: path.write_bytes(b"garbage " * 400),
    "empty": lambda path: path.write_bytes(b""),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_checkpoint_restarts_training(
    short_context: TrialContext,
    undisturbed: dict[str, dict[str, Any]],
    damage: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    params = trial_params(CATEGORICAL, f"damaged-{damage}".replace(" ", "-"))
    _attempt(short_context, params, epochs=3)
    DAMAGES[damage](_checkpoint(short_context, params))
    with caplog.at_level(logging.WARNING):
        steps, result = _attempt(short_context, params)
    assert "starts from its beginning" in caplog.text
    assert steps == [1, 2, 3, 4, 5]
    assert result_bits(short_context.folder, params.trial_id, result) == undisturbed[CATEGORICAL]


@pytest.fixture(scope="module")
def stopped(short_context: TrialContext) -> tuple[TrialParams, bytes]:
    """A trial that was stopped, and its checkpoint."""
    params = trial_params(CATEGORICAL, "copied-from")
    _attempt(short_context, params, epochs=3)
    return params, _checkpoint(short_context, params).read_bytes()


@pytest.mark.parametrize("change", ["nothing", "seed", "values", "training", "task model", "format"])
def test_no_training_resumes_from_a_checkpoint_of_another(
    short_context: TrialContext,
    stopped: tuple[TrialParams, bytes],
    change: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = tmp_path / "checkpoint.safetensors"
    params, content = stopped
    path.write_bytes(content)
    spec = short_context.spec
    training = spec.training.model_copy(update={"learning_rate": 1e-3})
    task_model = spec.task_model.model_copy(update={"epochs": 14})
    changed = {
        "training": (params, spec.model_copy(update={"training": training})),
        "task model": (params, spec.model_copy(update={"task_model": task_model})),
        "seed": (replace(params, seed=4), spec),
        "values": (replace(params, values={**params.values, "beta": 61.0}), spec),
    }
    if change == "format":
        monkeypatch.setattr(train_codec, "CHECKPOINT_FORMAT", train_codec.CHECKPOINT_FORMAT + 1)
    read = CheckpointFile(path, checkpoint_identity(*changed.get(change, (params, spec)))).read()
    assert (read is not None) == path.exists() == (change == "nothing")


def test_moved_data_files_keep_the_checkpoints_identity() -> None:
    params = TrialParams("t0000", 0, {"family": "label"})
    here, moved, others = (
        checkpoint_identity(
            params, small_sweep_spec(dataset={"name": "arrays", "path": path, "split_seed": seed})
        )
        for path, seed in (("/a/x.npz", 0), ("/b/x.npz", 0), ("/b/x.npz", 1))
    )
    assert here == moved
    assert here != others


def test_a_full_disk_costs_the_checkpoint_not_the_trial(
    short_context: TrialContext, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(path: Path, content: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(checkpoint_file, "write_bytes", full)
    steps, result = _attempt(short_context, trial_params(CATEGORICAL, "full-disk"))
    assert steps == [1, 2, 3, 4, 5]
    assert result is not None
    assert "No space left on device" in caplog.text
