"""Measure what training a task model costs on this machine, on a few batches of the data."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeAlias

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

#: Returns seconds since some moment.
Clock: TypeAlias = Callable[[], float]

_FIRST_SAMPLES = 8
_MEASURED_S = 1.0
_BATCHES = (3, 20)


@dataclass(frozen=True)
class TrainingCost:
    """The cost of a training in seconds of the clock that it was measured by.

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


def measure_training_cost(
    named: Named,
    data: Dataset,
    too_long_s: float,
    device: str = "cpu",
    clock: Clock = time.process_time,
) -> TrainingCost:
    """Measure the cost of a training on the device, with as many threads as torch has now.

    Args:
        named: The task model.
        data: The data set.
        too_long_s: If an epoch takes longer than this, the cost is measured roughly, on one batch.
        device: ``cpu`` or ``cuda``.
        clock: By default the computing time of this process counts, whatever else the machine does; it adds up over
            threads and leaves out a GPU. With several threads or a GPU, use ``time.perf_counter``.

    Raises:
        InputError: The task model does not take such samples.
        DivergedError: It cannot be trained on them.
    """
    parameters = CATALOGUE.task_models[named.name].parameters(**named.parameters)
    began = time.perf_counter(), time.process_time()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(parameters.seed)
        model = build_task_model(named, data.classes, data.shape, data.name)
        epoch_seconds = partial(_epoch_seconds, model, data, parameters, device, clock)
        read_s, measured = _read_subset(data.train, min(_FIRST_SAMPLES, len(data.train)), clock)
        # Warm-up: the first pass allocates memory and chooses kernels.
        epoch_seconds(measured)
        sample_s = epoch_seconds(measured) / len(measured)
        batches = 1
        if sample_s * len(data.train) < too_long_s:
            count = _enough_samples(sample_s, parameters.batch_size, len(data.train))
            read_s, some = _read_subset(data.train, count, clock)
            batches = math.ceil(len(some) / parameters.batch_size)
            sample_s, measured = epoch_seconds(some) / len(some), some
        predict_s = _seconds(lambda: predict_logits(model, measured.images), clock) / len(measured)
    slowdown = (time.perf_counter() - began[0]) / (time.process_time() - began[1])
    is_read_once = fits_device(data.train, device)
    return _cost(data, sample_s, read_s, predict_s, is_read_once, batches, slowdown)


def _cost(
    data: Dataset,
    sample_s: float,
    read_s: float,
    predict_s: float,
    is_read_once: bool,
    batches: int,
    slowdown: float,
) -> TrainingCost:
    trained, predicted = len(data.train), len(data.validation) + len(data.test)
    validated = subset_size(data.validation)
    epoch_s = trained * (sample_s if is_read_once else sample_s + read_s) + validated * predict_s
    once_s = predicted * (predict_s + read_s) + (trained * read_s if is_read_once else 0) + validated * read_s
    return TrainingCost(epoch_s, once_s, batches, slowdown)


def _enough_samples(sample_s: float, batch_size: int, samples: int) -> int:
    """Return how many samples are enough for the clock, in whole batches, at most all of them."""
    fewest, most = _BATCHES
    batches = min(most, max(fewest, math.ceil(_MEASURED_S / (sample_s * batch_size))))
    return min(samples, batches * batch_size)


def _read_subset(split: Split, count: int, clock: Clock) -> tuple[float, Split]:
    """Read samples at even distances; return the seconds per sample, and the samples in memory."""
    positions = evenly_spaced(split, count)
    read: list[Samples] = []
    seconds = _seconds(lambda: read.append(split.images[positions]), clock)
    return seconds / len(positions), Split(read[0], split.labels[positions])


def _epoch_seconds(
    model: TaskModel, data: Dataset, parameters: TaskModelParameters, device: str, clock: Clock, some: Split
) -> float:
    """Return the seconds of an epoch on these samples; the accuracy after it is measured on one sample.

    What an epoch returns is computed by then, also on a GPU: its loss and the accuracy are read.
    """
    once = parameters.model_copy(update={"epochs": 1})
    one = Split(some.images[:1], some.labels[:1])
    return _seconds(
        lambda: train_task_model(model, replace(data, train=some, validation=one), once, device), clock
    )


def _seconds(work: Callable[[], object], clock: Clock) -> float:
    began = clock()
    work()
    return clock() - began
