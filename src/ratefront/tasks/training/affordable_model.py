"""A task model that trains in under two minutes on the data at hand, chosen by measuring what each costs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ratefront.catalogue import CATALOGUE
from ratefront.data.dataset import Dataset
from ratefront.data.load_dataset import load_dataset
from ratefront.errors import InputError
from ratefront.spec.schema import Named
from ratefront.tasks.training.training_cost import TrainingCost, measure_training_cost

#: What a first try may take, and what is planned: a machine is never as quick twice.
LIMIT_S = 120.0
_PLANNED_S = 95.0
_HOPELESS_S = 4 * _PLANNED_S

#: In this order: wider ones tell more classes right where there is the time, and narrow ones beat few epochs.
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
_SEEN = 150_000  # samples, in all epochs: about as many make good use of a network's width


@dataclass(frozen=True)
class AffordableTraining:
    """A data set, and a task model with as many epochs as are affordable on it; ``cost`` where it is trained."""

    dataset: Named
    data: Dataset
    task_model: Mapping[str, Any]
    cost: TrainingCost | None = None

    @property
    def seconds(self) -> float:
        return 0.0 if self.cost is None else self.cost.seconds(self.task_model["epochs"])


def choose_affordable_training(
    datasets: Sequence[Named], task_model: Mapping[str, Any] | None = None
) -> AffordableTraining:
    """The first that sees enough samples within the time, else that with the most epochs, and one at least.

    ``datasets`` are the same data at several sizes; ``task_model``, where it is given, is the only one to choose, and
    stays as it is where it has ``weights``.

    Raises:
        InputError: The data cannot be used, or no task model takes them.
    """
    if task_model is not None and "weights" in task_model:
        return AffordableTraining(datasets[0], load_dataset(datasets[0]), {**task_model, "epochs": 0})
    found = []
    for dataset in datasets:
        data = load_dataset(dataset)
        wanted = _wanted(data)
        for candidate in _candidates(data, task_model):
            choice = _with_epochs(dataset, data, candidate, _HOPELESS_S / wanted)
            if choice.task_model["epochs"] >= wanted:
                return choice
            found.append(choice)
    best = max(found, key=_rank)
    return _with_epochs(best.dataset, best.data, best.task_model, _HOPELESS_S)


def _rank(choice: AffordableTraining) -> tuple[float, float]:
    """Of those within the time the one with the most epochs, else the quickest."""
    is_affordable = choice.seconds < LIMIT_S
    return (choice.task_model["epochs"] if is_affordable else 0, -choice.seconds)


def _candidates(data: Dataset, task_model: Mapping[str, Any] | None) -> Iterator[Mapping[str, Any]]:
    own = {"epochs": 1, "batch_size": _BATCH_SIZES[len(data.train) >= _MANY_SAMPLES], "seed": 0}
    if task_model is not None:
        yield {**task_model, **own}
        return
    fitting = [one for one in CANDIDATES if CATALOGUE.task_models[one["name"]].facts["takes"].fit(data.shape)]
    if not fitting:
        raise InputError(f"no task model takes samples of shape {data.shape}: images need 8×8 pixels or more")
    yield from ({**one, **own} for one in fitting)


def _wanted(data: Dataset) -> int:
    """Epochs that are enough."""
    return min(_MOST_EPOCHS, max(_FEWEST_EPOCHS, math.ceil(_SEEN / len(data.train))))


def _with_epochs(
    dataset: Named, data: Dataset, candidate: Mapping[str, Any], hopeless_s: float
) -> AffordableTraining:
    """The candidate with as many epochs as the time allows, and one at least."""
    cost = measure_training_cost(Named.model_validate(dict(candidate)), data, hopeless_s)
    epochs = min(_MOST_EPOCHS, cost.epochs_within(_PLANNED_S))
    return AffordableTraining(dataset, data, {**candidate, "epochs": max(1, epochs)}, cost)
