"""Choose a task model that trains in under two minutes on the data, by measuring what each candidate costs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ratefront.catalogue import CATALOGUE
from ratefront.data.dataset import Dataset
from ratefront.data.load_dataset import load_dataset
from ratefront.errors import InputError
from ratefront.spec.sweep_spec import Named
from ratefront.task_models.first_sweep.training_cost import TrainingCost, measure_training_cost

#: The seconds that a first training may take, and those that are planned: the speed of a machine varies.
LIMIT_S = 120.0
_PLANNED_S = 95.0
_TOO_LONG_S = 4 * _PLANNED_S

#: The candidates in order: wider ones are more accurate if there is time; a narrow one is better than few epochs.
CANDIDATES: tuple[Mapping[str, Any], ...] = (
    {"name": "residual_cnn", "width": 32},
    {"name": "residual_cnn", "width": 16},
    {"name": "residual_cnn", "width": 8},
    {"name": "pointnet", "width": 64},
    {"name": "pointnet", "width": 32},
    {"name": "pointnet", "width": 16},
    {"name": "pointnet", "width": 8},
)

_MANY_SAMPLES = 10_000
_BATCH_SIZES = (64, 128)  # few samples, many
_MOST_EPOCHS = 30
_FEWEST_EPOCHS = 3
_ENOUGH_SAMPLES = 150_000  # samples in all epochs together: enough to make use of a network's width


@dataclass(frozen=True)
class AffordableTraining:
    """A data set and a task model with an affordable number of epochs; ``cost`` is None if nothing is trained."""

    dataset: Named
    data: Dataset
    task_model: Mapping[str, Any]
    cost: TrainingCost | None = None

    @property
    def seconds(self) -> float:
        """The expected seconds of the training."""
        return 0.0 if self.cost is None else self.cost.seconds(self.task_model["epochs"])


def choose_affordable_training(
    datasets: Sequence[Named], task_model: Mapping[str, Any] | None = None
) -> AffordableTraining:
    """Return the first candidate that sees enough samples within the time, else the one with the most epochs.

    The number of epochs is at least one.

    Args:
        datasets: The same data at several sizes.
        task_model: The only candidate, if given; with ``weights`` it is not trained.

    Raises:
        InputError: The data cannot be used, or no task model takes them.
    """
    if task_model is not None and "weights" in task_model:
        return AffordableTraining(datasets[0], load_dataset(datasets[0]), {**task_model, "epochs": 0})
    candidates = []
    for dataset in datasets:
        data = load_dataset(dataset)
        enough = _enough_epochs(data)
        for candidate in _candidates(data, task_model):
            training = _with_epochs(dataset, data, candidate, _TOO_LONG_S / enough)
            if training.task_model["epochs"] >= enough:
                return training
            candidates.append(training)
    best = max(candidates, key=_rank)
    return _with_epochs(best.dataset, best.data, best.task_model, _TOO_LONG_S)


def _rank(training: AffordableTraining) -> tuple[float, float]:
    """Return the rank of a candidate: within the time the most epochs, else the shortest training."""
    is_affordable = training.seconds < LIMIT_S
    return (training.task_model["epochs"] if is_affordable else 0, -training.seconds)


def _candidates(data: Dataset, task_model: Mapping[str, Any] | None) -> Iterator[Mapping[str, Any]]:
    settings = {"epochs": 1, "batch_size": _BATCH_SIZES[len(data.train) >= _MANY_SAMPLES], "seed": 0}
    if task_model is not None:
        yield {**task_model, **settings}
        return
    fitting = [one for one in CANDIDATES if CATALOGUE.task_models[one["name"]].facts["takes"].fit(data.shape)]
    if not fitting:
        raise InputError(f"no task model takes samples of shape {data.shape}: images need 8×8 pixels or more")
    yield from ({**one, **settings} for one in fitting)


def _enough_epochs(data: Dataset) -> int:
    """Return the number of epochs that are enough."""
    return min(_MOST_EPOCHS, max(_FEWEST_EPOCHS, math.ceil(_ENOUGH_SAMPLES / len(data.train))))


def _with_epochs(
    dataset: Named, data: Dataset, candidate: Mapping[str, Any], too_long_s: float
) -> AffordableTraining:
    """Return the candidate with as many epochs as the time allows, and at least one."""
    cost = measure_training_cost(Named.model_validate(dict(candidate)), data, too_long_s)
    epochs = min(_MOST_EPOCHS, cost.epochs_within(_PLANNED_S))
    return AffordableTraining(dataset, data, {**candidate, "epochs": max(1, epochs)}, cost)
