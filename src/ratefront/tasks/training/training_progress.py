"""The progress of a task model's training, seen from outside: where it goes on from, and who hears how far it is."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version

import torch
from torch import Tensor, nn

from ratefront.data.cache_folders import cache_folder
from ratefront.store.task_model_progress import TaskModelProgress
from ratefront.training.checkpoint_file import CheckpointFile, CheckpointSaver
from ratefront.training.training_state import TrainingState

#: Raised when what a checkpoint holds changes its meaning: an older one is not gone on from.
CHECKPOINT_FORMAT = 1

#: What saving may take of the time that training takes. Nothing is lost but the epochs since the last save: one, or
#: about as many as take ten times as long as a save.
SHARE = 1 / 10

#: How often progress is told within an epoch.
TELL_S = 1.0


@dataclass(frozen=True)
class TrainedTaskModel:
    """A model as what a ``TrainingState`` moves; what is frozen in it is kept as well."""

    model: nn.Module

    def trained_modules(self) -> Mapping[str, nn.Module]:
        return {"task_model": self.model}

    def further_tensors(self) -> Mapping[str, Tensor]:
        return {}


State = TrainingState[TrainedTaskModel]


def task_model_checkpoint(identity: str) -> CheckpointFile:
    """The checkpoint of the task model of this identity, in the cache."""
    whose = {
        "format": CHECKPOINT_FORMAT,
        "ratefront": version("ratefront"),
        "torch": torch.__version__,
        "task_model": identity,
    }
    return CheckpointFile(cache_folder() / "task_model_checkpoints" / f"{identity}.safetensors", whose)


@dataclass
class TrainingProgress:
    """``checkpoint``: None where nothing is to be kept. ``tell`` hears of progress, each epoch and in between."""

    checkpoint: CheckpointFile | None = None
    tell: Callable[[TaskModelProgress], None] = lambda progress: None
    _saving: CheckpointSaver | None = field(default=None, init=False)
    _progress: TaskModelProgress = field(default_factory=TaskModelProgress, init=False)
    _next_s: float = field(default=0.0, init=False)

    def begin(self, state: State, epochs: int) -> None:
        """Put ``state`` where an earlier training of the same model was left, if there was one."""
        snapshot = None if self.checkpoint is None else self.checkpoint.read()
        if snapshot is not None and state.fits(snapshot):
            state.restore(snapshot)
        if self.checkpoint is not None:
            self._saving = CheckpointSaver(self.checkpoint, epochs, state.seconds, SHARE)
        self._say(TaskModelProgress(epochs, state.epochs_done, seconds=state.seconds))

    def in_epoch(self, state: State, share: float, seconds: float) -> None:
        """So much of the present epoch is done, in so many seconds; may be called often."""
        if time.monotonic() < self._next_s:
            return
        last = self._progress
        self._say(
            TaskModelProgress(
                last.epochs, state.epochs_done, share, state.seconds + seconds, last.loss, last.accuracy
            )
        )

    def after_epoch(self, state: State, loss: float, accuracy: float | None) -> None:
        """What is told to be done is saved already, where it is to be saved."""
        if self._saving is not None:
            self._saving.after_epoch(state)
        epochs = self._progress.epochs
        self._say(TaskModelProgress(epochs, state.epochs_done, 0.0, state.seconds, loss, accuracy))

    @contextmanager
    def ending_at(self, *errors: type[Exception]) -> Iterator[None]:
        """What ends with one of these errors would do so again from its last checkpoint."""
        try:
            yield
        except errors:
            self.end()
            raise

    def end(self) -> None:
        """The model is whole where it belongs, or never will be: nobody goes on from here."""
        if self.checkpoint is not None:
            self.checkpoint.remove()

    def _say(self, progress: TaskModelProgress) -> None:
        self._progress, self._next_s = progress, time.monotonic() + TELL_S
        self.tell(progress)
