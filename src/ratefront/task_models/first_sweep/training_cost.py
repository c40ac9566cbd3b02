"""Measure what training a task model costs on this machine, on a few batches of the data."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch

from ratefront.catalogue import CATALOGUE
from ratefront.catalogue.task_models import TaskModelParameters
from ratefront.data.dataset import Dataset, Samples, Split
from ratefront.data.stored_samples import evenly_spaced
from ratefront.spec.sweep_spec import Named
from ratefront.task_models.build_task_model import build_task_model
from ratefront.task_models.task_model import TaskModel, predict_logits
from ratefront.task_models.training.batches import fits_device
from ratefront.task_models.training.train_task_model import train_task_model
from ratefront.task_models.training.validation_accuracy import subset_size

_FIRST_SAMPLES = 8
_MEASURED_S = 1.0
_BATCHES = (3, 20)


@dataclass(frozen=True)
class TrainingCost:
    """The cost of a training in seconds of a core.

    Attributes:
        epoch_s: Seconds of an epoch.
        once_s: Seconds of what is done once: reading the samples, and the predictions at the end.
        batches: The number of batches that it was measured on.
        slowdown: Elapsed time over computing time during the measurement; above 1 if other processes used the core.
    """

    epoch_s: float
    once_s: float
    batches: int
    slowdown: float

    def seconds(self, epochs: int) -> float:
        """Return the seconds of a training of this number of epochs."""
        return self.once_s + epochs * self.epoch_s

    def epochs_within(self, seconds: float) -> int:
        """Return the number of epochs that fit into the time."""
        return max(0, int((seconds - self.once_s) / self.epoch_s))


def measure_training_cost(named: Named, data: Dataset, too_long_s: float) -> TrainingCost:
    """Measure the cost of a training on one core; torch must have one thread.

    Args:
        named: The task model.
        data: The data set.
        too_long_s: If an epoch takes longer than this, the cost is measured roughly, on one batch.

    Raises:
        InputError: The task model does not take such samples.
        DivergedError: It cannot be trained on them.
    """
    parameters = CATALOGUE.task_models[named.name].parameters(**named.parameters)
    began = time.perf_counter(), time.process_time()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(parameters.seed)
        model = build_task_model(named, data.classes, data.shape, data.name)
        read_s, measured = _read_subset(data.train, min(_FIRST_SAMPLES, len(data.train)))
        # Warm-up: the first pass allocates memory and chooses kernels.
        _epoch_seconds(model, data, measured, parameters)
        sample_s = _epoch_seconds(model, data, measured, parameters) / len(measured)
        batches = 1
        if sample_s * len(data.train) < too_long_s:
            read_s, some = _read_subset(
                data.train, _enough_samples(sample_s, parameters.batch_size, len(data.train))
            )
            batches = math.ceil(len(some) / parameters.batch_size)
            sample_s, measured = _epoch_seconds(model, data, some, parameters) / len(some), some
        predict_s = _seconds(lambda: predict_logits(model, measured.images)) / len(measured)
    slowdown = (time.perf_counter() - began[0]) / (time.process_time() - began[1])
    return _cost(data, sample_s, read_s, predict_s, batches, slowdown)


def _cost(
    data: Dataset, sample_s: float, read_s: float, predict_s: float, batches: int, slowdown: float
) -> TrainingCost:
    trained, predicted = len(data.train), len(data.validation) + len(data.test)
    is_read_once, validated = fits_device(data.train, "cpu"), subset_size(data.validation)
    epoch_s = trained * (sample_s if is_read_once else sample_s + read_s) + validated * predict_s
    once_s = predicted * (predict_s + read_s) + (trained * read_s if is_read_once else 0) + validated * read_s
    return TrainingCost(epoch_s, once_s, batches, slowdown)


def _enough_samples(sample_s: float, batch_size: int, samples: int) -> int:
    """Return how many samples are enough for the clock, in whole batches, at most all of them."""
    fewest, most = _BATCHES
    batches = min(most, max(fewest, math.ceil(_MEASURED_S / (sample_s * batch_size))))
    return min(samples, batches * batch_size)


def _read_subset(split: Split, count: int) -> tuple[float, Split]:
    """Read samples at even distances; return the seconds per sample, and the samples in memory."""
    positions = evenly_spaced(split, count)
    read: list[Samples] = []
    seconds = _seconds(lambda: read.append(split.images[positions]))
    return seconds / len(positions), Split(read[0], split.labels[positions])


def _epoch_seconds(model: TaskModel, data: Dataset, some: Split, parameters: TaskModelParameters) -> float:
    """Return the seconds of an epoch on these samples; the accuracy after it is measured on one sample."""
    once = parameters.model_copy(update={"epochs": 1})
    one = Split(some.images[:1], some.labels[:1])
    return _seconds(lambda: train_task_model(model, replace(data, train=some, validation=one), once, "cpu"))


def _seconds(work: Callable[[], object]) -> float:
    """Return the computing time of ``work``, whatever else the machine does: a file that is kept records it."""
    began = time.process_time()
    work()
    return time.process_time() - began
