"""What training a task model costs on this machine, measured on a few batches of the data."""

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
from ratefront.spec.schema import Named
from ratefront.tasks.build_task_model import build_task_model
from ratefront.tasks.task_model import TaskModel, predict_logits
from ratefront.tasks.training.batches import fits_device
from ratefront.tasks.training.train_task_model import train_task_model
from ratefront.tasks.training.validation_accuracy import subset_size

_PROBED = 8
_MEASURED_S = 1.0
_BATCHES = (3, 20)


@dataclass(frozen=True)
class TrainingCost:
    """Seconds of a core for an epoch, and for what comes once: reading the samples, and telling classes at the end.

    ``slowed``: how many times as long it took just now, since other processes wanted the core, too.
    """

    epoch_s: float
    once_s: float
    batches: int
    slowed: float

    def seconds(self, epochs: int) -> float:
        return self.once_s + epochs * self.epoch_s

    def epochs_within(self, seconds: float) -> int:
        return max(0, int((seconds - self.once_s) / self.epoch_s))


def measure_training_cost(named: Named, data: Dataset, hopeless_s: float) -> TrainingCost:
    """The cost on one core (torch has one thread); measured roughly where an epoch takes ``hopeless_s`` anyway.

    Raises:
        InputError: The task model does not take such samples.
        DivergedError: It cannot be trained on them.
    """
    parameters = CATALOGUE.task_models[named.name].parameters(**named.parameters)
    began = time.perf_counter(), time.process_time()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(parameters.seed)
        model = build_task_model(named, data.classes, data.shape, data.name)
        read_s, probed = _read(data.train, min(_PROBED, len(data.train)))
        _train(model, data, probed, parameters)  # the first pass finds memory and kernels
        sample_s = _train(model, data, probed, parameters) / len(probed)
        batches = 1
        if sample_s * len(data.train) < hopeless_s:
            read_s, some = _read(data.train, _enough(sample_s, parameters.batch_size, len(data.train)))
            batches = math.ceil(len(some) / parameters.batch_size)
            sample_s, probed = _train(model, data, some, parameters) / len(some), some
        told_s = _seconds(lambda: predict_logits(model, probed.images)) / len(probed)
    slowed = (time.perf_counter() - began[0]) / (time.process_time() - began[1])
    return _cost(data, sample_s, read_s, told_s, batches, slowed)


def _cost(
    data: Dataset, sample_s: float, read_s: float, told_s: float, batches: int, slowed: float
) -> TrainingCost:
    trained, told = len(data.train), len(data.validation) + len(data.test)
    is_read_once, beside = fits_device(data.train, "cpu"), subset_size(data.validation)
    epoch_s = trained * (sample_s if is_read_once else sample_s + read_s) + beside * told_s
    once_s = told * (told_s + read_s) + (trained * read_s if is_read_once else 0) + beside * read_s
    return TrainingCost(epoch_s, once_s, batches, slowed)


def _enough(sample_s: float, batch_size: int, samples: int) -> int:
    """So many that the clock can tell, in whole batches, of those that there are."""
    fewest, most = _BATCHES
    batches = min(most, max(fewest, math.ceil(_MEASURED_S / (sample_s * batch_size))))
    return min(samples, batches * batch_size)


def _read(split: Split, count: int) -> tuple[float, Split]:
    """Seconds for one sample, and samples from all over the split, in memory."""
    positions = evenly_spaced(split, count)
    read: list[Samples] = []
    seconds = _seconds(lambda: read.append(split.images[positions]))
    return seconds / len(positions), Split(read[0], split.labels[positions])


def _train(model: TaskModel, data: Dataset, some: Split, parameters: TaskModelParameters) -> float:
    """Seconds of an epoch on these, but for the accuracy behind it, which does not grow with them."""
    once = parameters.model_copy(update={"epochs": 1})
    one = Split(some.images[:1], some.labels[:1])
    return _seconds(lambda: train_task_model(model, replace(data, train=some, validation=one), once, "cpu"))


def _seconds(work: Callable[[], object]) -> float:
    """Of computing, whatever else the machine does: a file that is kept should not tell of a busy minute."""
    began = time.process_time()
    work()
    return time.process_time() - began
