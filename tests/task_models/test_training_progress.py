"""An interrupted training of a task model continues from its last epoch, with the same bits."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from ratefront.catalogue.task_models import TaskModelParameters
from ratefront.checkpoints.checkpoint_file import CheckpointFile
from ratefront.data.dataset import Dataset, Split
from ratefront.errors import DivergedError
from ratefront.spec.sweep_spec import Named, SweepSpec
from ratefront.store.files.process_lock import exclusively
from ratefront.store.sweep_folder import SweepFolder
from ratefront.store.task_model_progress import WAITS, ProgressFile, TaskModelProgress
from ratefront.task_models.build_task_model import build_task_model
from ratefront.task_models.prepare_task_model import prepare_task_model
from ratefront.task_models.task_model import TaskModel
from ratefront.task_models.training import training_progress, validation_accuracy
from ratefront.task_models.training.train_task_model import train_task_model
from ratefront.task_models.training.training_progress import (
    State,
    TrainedTaskModel,
    TrainingProgress,
    task_model_checkpoint,
)
from ratefront.task_models.training.validation_accuracy import accuracy_during_training, validation_subset

pytestmark = pytest.mark.medium

EPOCHS = 4


class Killed(BaseException):
    """As if the process were gone."""


@pytest.fixture(autouse=True)
def _always(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Save after every epoch: what is saved when must not hang on this machine's speed."""
    monkeypatch.setattr(training_progress, "SAVING_SHARE", 1e9)
    monkeypatch.setenv("RATEFRONT_CACHE", str(tmp_path / "cache"))


def striped(sample: tuple[int, ...], samples: int = 120) -> Dataset:
    random = np.random.default_rng(0)
    labels = np.arange(samples) % 3
    images = random.random((samples, *sample)) * (1 + labels[:, None, None, None]) / 3
    images = images.astype(np.float32)
    parts = [Split(images[part], labels[part]) for part in (slice(80), slice(80, 100), slice(100, 120))]
    return Dataset("striped", 3, 1000, *parts)


class Noisy(nn.Module):
    """Draws at random in training as in evaluation, from torch's global generator."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images + 0.1 * torch.randn_like(images)


def own_model() -> TaskModel:
    """Dropout, batch normalisation, a frozen stage, a stage that is random in evaluation, too."""
    frozen = nn.Sequential(nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8)).requires_grad_(False)
    head = nn.Sequential(nn.Flatten(), nn.Dropout(0.4), nn.Linear(8 * 100, 16), nn.BatchNorm1d(16))
    return TaskModel([("frozen", frozen), ("noise", Noisy()), ("head", head), ("out", nn.Linear(16, 3))])


def built(name: str) -> tuple[TaskModel, Dataset]:
    """In an order of memory of its own: ``residual_cnn`` computes in channels-last from 16 × 16 pixels on."""
    torch.manual_seed(0)
    if name == "own":
        return own_model(), striped((1, 12, 12))
    data = striped((3, 16, 16) if name == "residual_cnn" else (1, 8, 8))
    return build_task_model(Named(name=name, **({"width": 8} if "res" in name else {})), 3, data.shape), data


def parameters(name: str, **changes: Any) -> Any:
    return TaskModelParameters(**({"epochs": EPOCHS, "batch_size": 32, "augment": "shift"} | changes))


def train(name: str, progress: TrainingProgress | None, **changes: Any) -> TaskModel:
    model, data = built(name)
    torch.manual_seed(7)
    train_task_model(model, data, parameters(name, **changes), "cpu", progress)
    return model


def killed_after(epoch: int) -> Any:
    """Hears of progress, and dies in the epoch after this one."""

    def tell(progress: TaskModelProgress) -> None:
        if progress.epochs_done == epoch and progress.share > 0:
            raise Killed

    return tell


@pytest.mark.parametrize("name", ["small_cnn", "residual_cnn", "own"])
def test_interruptions_do_not_change_the_trained_bits(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    straight = train(name, None)
    monkeypatch.setattr(training_progress, "REPORT_INTERVAL_S", 0.0)
    begun: list[int] = []
    for epoch in range(EPOCHS):
        torch.rand(epoch + 1)  # what the process does in between must not matter
        with pytest.raises(Killed):
            train(name, TrainingProgress(task_model_checkpoint("x"), killed_after(epoch)))
    finished = train(
        name,
        TrainingProgress(task_model_checkpoint("x"), lambda progress: begun.append(progress.epochs_done)),
    )
    assert begun[0] == EPOCHS - 1, "no more than an epoch was lost"
    for key, tensor in straight.state_dict().items():
        assert torch.equal(tensor, finished.state_dict()[key]), key


def test_restored_moments_have_the_strides_of_their_weights() -> None:
    """In another order the same sums may be rounded otherwise, on another machine than this one."""

    def state() -> State:
        model = nn.Conv2d(8, 8, 3).to(memory_format=torch.channels_last)
        optimiser = torch.optim.Adam(model.parameters())
        model(torch.ones(1, 8, 5, 5)).sum().backward()
        optimiser.step()
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, 3)
        return State(TrainedTaskModel(model), optimiser, schedule, torch.Generator())

    left, gone_on = state(), state()
    gone_on.restore(left.snapshot())
    for weight, again in zip(
        left.learner.model.parameters(), gone_on.learner.model.parameters(), strict=True
    ):
        moments, put_back = left.optimiser.state[weight], gone_on.optimiser.state[again]
        for name in ("exp_avg", "exp_avg_sq"):
            assert torch.equal(moments[name], put_back[name])
            assert moments[name].stride() == put_back[name].stride() == again.stride()


def test_measuring_accuracy_does_not_change_training(monkeypatch: pytest.MonkeyPatch) -> None:
    looked = train("own", None)
    monkeypatch.setattr(
        "ratefront.task_models.training.train_task_model.accuracy_during_training", lambda model, split: 0.0
    )
    not_looked = train("own", None)
    assert all(map(torch.equal, looked.state_dict().values(), not_looked.state_dict().values()))


def test_measuring_accuracy_restores_the_mode_of_each_stage() -> None:
    model, data = built("own")
    model.train()
    model.stages["frozen"].eval()
    before = {name: module.training for name, module in model.named_modules()}
    assert 0 <= accuracy_during_training(model, data.validation) <= 1
    assert {name: module.training for name, module in model.named_modules()} == before
    assert len(set(before.values())) == 2


def test_accuracy_uses_samples_from_all_of_a_large_split(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(validation_accuracy, "_MOST_SAMPLES", 30)
    labels = np.repeat(np.arange(3), 100)  # in the order of their classes
    few = validation_subset(Split(labels.astype(np.float32).reshape(-1, 1, 1, 1), labels))
    assert len(few) == 30
    assert np.bincount(few.labels).tolist() == [10, 10, 10]
    assert np.array_equal(few.images[:].ravel(), few.labels)


SPOILS: dict[str, Callable[[Path], object]] = {
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:-50]),
    "garbage": lambda path: path.write_bytes(b"no checkpoint"),
    "another model's": lambda path: path.write_bytes(_of_another_model()),
}


@pytest.mark.parametrize("spoil", SPOILS)
def test_damaged_and_foreign_checkpoints_are_ignored(spoil: str) -> None:
    _die_after(2, task_model_checkpoint("x"))
    SPOILS[spoil](task_model_checkpoint("x").path)
    begun: list[int] = []
    train(
        "small_cnn",
        TrainingProgress(task_model_checkpoint("x"), lambda progress: begun.append(progress.epochs_done)),
    )
    assert begun[0] == 0


def _of_another_model() -> bytes:
    _die_after(2, task_model_checkpoint("other"))
    return task_model_checkpoint("other").path.read_bytes()


def _die_after(epochs: int, checkpoint: CheckpointFile) -> None:
    def tell(progress: TaskModelProgress) -> None:
        if progress.epochs_done == epochs:
            raise Killed

    with pytest.raises(Killed):
        train("small_cnn", TrainingProgress(checkpoint, tell))
    assert checkpoint.path.exists()


def test_a_diverged_training_leaves_no_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(DivergedError, match=r"in epoch 1 of 4; lower learning_rate, now 1e\+30"):
        prepare_task_model(digits_spec(learning_rate=1e30), tmp_path / "task_model")
    assert not list((tmp_path / "cache" / "task_model_checkpoints").glob("*"))


def digits_spec(**changes: Any) -> SweepSpec:
    return SweepSpec.model_validate(
        {
            "name": "d",
            "dataset": {"name": "digits"},
            "task_model": {"name": "small_cnn", "epochs": 4, **changes},
            "space": {"family": {"label": {}}},
            "trials": 1,
        },
        strict=False,
    )


def test_progress_is_reported_during_training_only(tmp_path: Path) -> None:
    reports: list[TaskModelProgress] = []
    folder = SweepFolder(tmp_path / "sweep")
    folder.path.mkdir()

    class Watched(ProgressFile):
        def write(self, progress: TaskModelProgress) -> None:
            super().write(progress)
            progress_in_file = self.read()
            assert progress_in_file is not None
            reports.append(progress_in_file)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ratefront.task_models.prepare_task_model.ProgressFile", Watched)
        ready = prepare_task_model(digits_spec(), folder.task_model)
    ends = [progress for progress in reports if progress.loss is not None and not progress.share]
    assert [(progress.epochs_done, progress.epochs) for progress in ends] == [(n, 4) for n in (1, 2, 3, 4)]
    assert ends[-1].accuracy == pytest.approx(ready.accuracy_validation, abs=0.01)
    assert ends[0].loss > ends[-1].loss  # type: ignore[operator]
    assert ends[1].remaining_s == pytest.approx(ends[1].seconds)
    assert {path.name for path in folder.path.iterdir()} == {"task_model"}
    assert not list((tmp_path / "cache" / "task_model_checkpoints").glob("*")), (
        "it goes when the model is sealed"
    )


PREPARING = """
import sys
from pathlib import Path
from ratefront.spec.sweep_spec import SweepSpec
from ratefront.task_models.training import training_progress
from ratefront.task_models.prepare_task_model import prepare_task_model
training_progress.SAVING_SHARE = 1e9
prepare_task_model(SweepSpec.model_validate_json(sys.argv[1], strict=False), Path(sys.argv[2]))
"""


def test_a_new_process_resumes_a_killed_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec, folder = digits_spec(epochs=25), SweepFolder(tmp_path / "sweep")
    folder.path.mkdir()
    command = [sys.executable, "-c", PREPARING, spec.model_dump_json(), str(folder.task_model)]
    progress = ProgressFile(folder.task_model_progress)
    with subprocess.Popen(command) as process:
        deadline = time.monotonic() + 60
        while (progress_in_file := progress.read()) is None or progress_in_file.epochs_done < 3:
            assert time.monotonic() < deadline
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    begun: list[int] = []
    begin = TrainingProgress.begin
    monkeypatch.setattr(
        TrainingProgress,
        "begin",
        lambda self, state, *rest: (begin(self, state, *rest), begun.append(state.epochs_done)),
    )
    prepare_task_model(spec, folder.task_model)
    monkeypatch.setenv("RATEFRONT_CACHE", str(tmp_path / "another"))
    prepare_task_model(spec, tmp_path / "straight")
    assert 3 <= begun[0] < 25
    assert begun[1:] == [0]
    weights = (folder.task_model / "model.safetensors", tmp_path / "straight" / "model.safetensors")
    assert weights[0].read_bytes() == weights[1].read_bytes()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"epochs": 3, "of_later": 1}', "\0"])
def test_unreadable_progress_counts_as_none(tmp_path: Path, content: str) -> None:
    (tmp_path / "progress").write_text(content)
    assert ProgressFile(tmp_path / "progress").read() is None


def test_waiting_for_another_process_is_reported(tmp_path: Path) -> None:
    spec, folder = digits_spec(epochs=1), SweepFolder(tmp_path / "sweep")
    folder.path.mkdir()
    ready = prepare_task_model(spec, folder.task_model)
    models = tmp_path / "cache" / "task_models"
    shutil.rmtree(models / ready.identity)
    progress = ProgressFile(folder.task_model_progress)
    with ThreadPoolExecutor(1) as pool:
        with exclusively(models / f"{ready.identity}.lock", "another"):
            waiting = pool.submit(prepare_task_model, spec, folder.task_model)
            deadline = time.monotonic() + 60
            while progress.read() != WAITS:
                assert time.monotonic() < deadline
                time.sleep(0.01)
        assert waiting.result(timeout=120).identity == ready.identity
    assert progress.read() is None
