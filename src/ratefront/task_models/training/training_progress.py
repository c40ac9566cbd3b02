"""The progress of a task model's training: its checkpoints, and reports of how far it is."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version

import torch
from torch import Tensor, nn

from ratefront.cache_folders import cache_folder
from ratefront.checkpoints.checkpoint_file import CheckpointFile, CheckpointSaver
from ratefront.checkpoints.training_state import TrainingState
from ratefront.store.task_model_progress import TaskModelProgress

#: Raise it when the meaning of a checkpoint changes: training does not continue from an older one.
CHECKPOINT_FORMAT = 2

#: The largest share of the training time that saving may take. An interruption loses the epochs since the last save:
#: one, or about as many as take ten times as long as a save.
SAVING_SHARE = 1 / 10

#: The seconds between two reports within an epoch.
REPORT_INTERVAL_S = 1.0


@dataclass(frozen=True)
class TrainedTaskModel:
    """A task model as the part of a ``TrainingState`` that is trained; frozen parts are saved as well."""

    model: nn.Module

    def trained_modules(self) -> Mapping[str, nn.Module]:
        """Return the task model by its name in a checkpoint."""
        return {"task_model": self.model}

    def further_tensors(self) -> Mapping[str, Tensor]:
        """Return no further tensors."""
        return {}


State = TrainingState[TrainedTaskModel]


def task_model_checkpoint(identity: str) -> CheckpointFile:
    """Return the checkpoint of the task model of this identity, in the cache."""
    identity_fields = {
        "format": CHECKPOINT_FORMAT,
        "ratefront": version("ratefront"),
        "torch": torch.__version__,
        "task_model": identity,
    }
    return CheckpointFile(
        cache_folder() / "task_model_checkpoints" / f"{identity}.safetensors", identity_fields
    )


@dataclass
class TrainingProgress:
    """Saves checkpoints of a training and reports its progress.

    Attributes:
        checkpoint: Where the training is saved; None: it is not saved.
        report: Is called with the progress after each epoch and in between.
    """

    checkpoint: CheckpointFile | None = None
    report: Callable[[TaskModelProgress], None] = lambda progress: None
    _saving: CheckpointSaver | None = field(default=None, init=False)
    _progress: TaskModelProgress = field(default_factory=TaskModelProgress, init=False)
    _next_report_s: float = field(default=0.0, init=False)

    def begin(self, state: State, epochs: int) -> None:
        """Restore ``state`` from the checkpoint of an interrupted training of the same model, if there is one."""
        snapshot = None if self.checkpoint is None else self.checkpoint.read()
        if snapshot is not None and state.fits(snapshot):
            state.restore(snapshot)
        if self.checkpoint is not None:
            self._saving = CheckpointSaver(self.checkpoint, epochs, state.seconds, SAVING_SHARE)
        self._report(TaskModelProgress(epochs, state.epochs_done, seconds=state.seconds))

    def in_epoch(self, state: State, share: float, seconds: float) -> None:
        """Report from within an epoch, at most once per ``REPORT_INTERVAL_S``; may be called often.

        Args:
            state: The state of the training.
            share: The share of the epoch that is done.
            seconds: The seconds that this took.
        """
        if time.monotonic() < self._next_report_s:
            return
        last = self._progress
        self._report(
            TaskModelProgress(
                last.epochs, state.epochs_done, share, state.seconds + seconds, last.loss, last.accuracy
            )
        )

    def after_epoch(self, state: State, loss: float, accuracy: float | None) -> None:
        """Save a checkpoint if it is time for one, then report the epoch."""
        if self._saving is not None:
            self._saving.after_epoch(state)
        epochs = self._progress.epochs
        self._report(TaskModelProgress(epochs, state.epochs_done, 0.0, state.seconds, loss, accuracy))

    @contextmanager
    def removing_checkpoint_on(self, *errors: type[Exception]) -> Iterator[None]:
        """Remove the checkpoint on one of these errors: the training would fail again from it."""
        try:
            yield
        except errors:
            self.remove_checkpoint()
            raise

    def remove_checkpoint(self) -> None:
        """Remove the checkpoint: the model is complete, or never will be."""
        if self.checkpoint is not None:
            self.checkpoint.remove()

    def _report(self, progress: TaskModelProgress) -> None:
        self._progress, self._next_report_s = progress, time.monotonic() + REPORT_INTERVAL_S
        self.report(progress)
