"""Train a task model once, before the trials, from a seed."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ratefront.catalogue.task_models import TaskModelParameters
from ratefront.checkpoints.training_state import TrainingState
from ratefront.data.dataset import Dataset
from ratefront.errors import DivergedError
from ratefront.task_models.task_model import TaskModel
from ratefront.task_models.training.augment import augmentation
from ratefront.task_models.training.batches import Batches
from ratefront.task_models.training.training_progress import TrainedTaskModel, TrainingProgress
from ratefront.task_models.training.validation_accuracy import accuracy_during_training, validation_subset

_log = logging.getLogger(__name__)

_TINY_PIXELS = 16
_FEWEST_CHANNELS = 16


def train_task_model(
    model: TaskModel,
    data: Dataset,
    parameters: TaskModelParameters,
    device: str,
    progress: TrainingProgress | None = None,
) -> None:
    """Train in place what requires a gradient, with Adam and a cosine schedule.

    On a GPU it computes in bfloat16 where autocast does so. A training that was interrupted continues from its last
    checkpoint, with the same bits as without the interruption.

    Args:
        model: The task model.
        data: The data set.
        parameters: The parameters of the task model in the sweep file.
        device: ``cpu`` or ``cuda``.
        progress: Saves checkpoints and reports the progress; None: nothing is saved or reported.

    Raises:
        DivergedError: The loss became NaN or infinite.
        InputError: There is no such augmentation for these samples.
    """
    model.to(device)
    if parameters.epochs and any(weight.requires_grad for weight in model.parameters()):
        _Training(model, data, parameters, device).run(progress or TrainingProgress())


class _Training:
    """The training loop of a task model."""

    def __init__(self, model: TaskModel, data: Dataset, parameters: TaskModelParameters, device: str) -> None:
        self._model, self._parameters, self._device = model, parameters, device
        self._augmentation = augmentation(parameters.augment, data.shape)
        self._format = _memory_format(model, data.shape)
        model.to(memory_format=self._format)
        self._batches, self._validation = Batches(data.train, device), validation_subset(data.validation)
        trained = [weight for weight in model.parameters() if weight.requires_grad]
        optimiser = torch.optim.Adam(
            trained, lr=parameters.learning_rate, weight_decay=parameters.weight_decay
        )
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, parameters.epochs)
        generator = torch.Generator().manual_seed(parameters.seed)
        self._state = TrainingState(TrainedTaskModel(model), optimiser, schedule, generator)

    def run(self, progress: TrainingProgress) -> None:
        _set_training(self._model)
        state, epochs = self._state, self._parameters.epochs
        progress.begin(state, epochs)
        while state.epochs_done < epochs:
            began = time.perf_counter()
            loss = self._epoch(progress)
            state.schedule.step()
            accuracy = accuracy_during_training(self._model, self._validation)
            state.epochs_done += 1
            seconds = time.perf_counter() - began
            state.seconds += seconds
            _log.info(
                "task model: epoch %d of %d, loss %.4f, %.1f %% on validation, %.1f s",
                state.epochs_done,
                epochs,
                loss,
                100 * accuracy,
                seconds,
            )
            progress.after_epoch(state, loss, accuracy)
        self._model.to(memory_format=torch.contiguous_format)

    def _epoch(self, progress: TrainingProgress) -> float:
        order = torch.randperm(len(self._batches), generator=self._state.generator)
        losses, seen, began = [], 0, time.perf_counter()
        for images, labels in self._batches.batches(order, self._parameters.batch_size):
            progress.in_epoch(self._state, seen / len(order), time.perf_counter() - began)
            losses.append(self._step(images, labels))
            seen += len(labels)
        return float(torch.stack(losses).mean())

    def _step(self, images: Tensor, labels: Tensor) -> Tensor:
        if self._augmentation is not None:
            images = self._augmentation(images, self._state.generator)
        with _autocast(self._device):
            logits = self._model(images.contiguous(memory_format=self._format))
            loss = F.cross_entropy(logits, labels, label_smoothing=self._parameters.label_smoothing)
        if not torch.isfinite(loss):
            raise DivergedError(
                f"task_model: its loss became {loss.item()} in epoch {self._state.epochs_done + 1} of "
                f"{self._parameters.epochs}; lower learning_rate, now {self._parameters.learning_rate:g}"
            )
        self._state.optimiser.zero_grad()
        loss.backward()
        self._state.optimiser.step()
        return loss.detach()


def _memory_format(model: nn.Module, shape: Sequence[int]) -> torch.memory_format:
    """Return channels last for images, where it is a quarter faster, also on a CPU; tiny images gain nothing.

    With few channels, torch 2.15 writes beyond its memory on a CPU in this format: with fewer than 8, and with 8 or
    more at least in the 1×1 convolutions with a stride by which a shortcut halves a map. With 16 it does not.
    """
    is_image = len(shape) == 3 and min(shape[1:]) >= _TINY_PIXELS
    convolutions = [part for part in model.modules() if isinstance(part, nn.Conv2d)]
    channels = [part.out_channels for part in convolutions]
    channels += [part.in_channels for part in convolutions if part.kernel_size == (1, 1)]
    is_wide = min(channels, default=0) >= _FEWEST_CHANNELS
    return torch.channels_last if is_image and is_wide else torch.contiguous_format


def _autocast(device: str) -> AbstractContextManager[None]:
    return torch.autocast("cuda", torch.bfloat16) if device == "cuda" else nullcontext()


def _set_training(model: TaskModel) -> None:
    """Set training mode; frozen stages stay in evaluation mode, so that their normalisation keeps its statistics."""
    model.train()
    for stage in model.stages.values():
        weights = list(stage.parameters())
        if weights and not any(weight.requires_grad for weight in weights):
            stage.eval()
