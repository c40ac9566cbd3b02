"""Draft a first sweep for a user's data: what the data are, and a task model with an affordable training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ratefront.catalogue import CATALOGUE
from ratefront.data.label_statistics import label_bits
from ratefront.spec.sweep_spec import Named
from ratefront.spec.views.first_sweep_text import FirstSweep
from ratefront.task_models.first_sweep.affordable_model import (
    LIMIT_S,
    AffordableTraining,
    choose_affordable_training,
)

_LONG_S = 120
_BUSY_SLOWDOWN = 1.5
_NO_ARCHITECTURE = ("name", "weights", "epochs")


def draft_first_sweep(datasets: Sequence[Named], task_model: Mapping[str, Any] | None) -> FirstSweep:
    """Draft a sweep with the data set and task model that ``choose_affordable_training`` chooses.

    Raises:
        InputError: As ``choose_affordable_training``.
    """
    training = choose_affordable_training(datasets, task_model)
    data = training.data
    return FirstSweep(
        dataset=training.dataset.model_dump(),
        samples={name: len(getattr(data, name)) for name in ("train", "validation", "test")},
        shape=data.shape,
        classes=data.classes,
        label_bits=label_bits(data.train.labels),
        task_model=training.task_model,
        splits=_splits(training),
        cost=_cost(training),
        warnings=data.remarks,
    )


def _splits(training: AffordableTraining) -> Sequence[str]:
    """Return the split points of the architecture; whether its weights fit is checked with the whole file."""
    registered = CATALOGUE.task_models[training.task_model["name"]]
    parameters = {key: value for key, value in training.task_model.items() if key not in _NO_ARCHITECTURE}
    data_facts = {"classes": training.data.classes, "shape": training.data.shape}
    splits: Sequence[str] = registered.facts_for(registered.parameters(**parameters), data_facts)["splits"]
    return splits


def _cost(training: AffordableTraining) -> str:
    chosen = training.task_model
    name = str(chosen.get("target", chosen["name"]))
    name += f" (width {chosen['width']})" if "width" in chosen else ""
    if training.cost is None:
        return f"{name} comes with its weights, so that nothing is trained"
    epochs, batches = chosen["epochs"], training.cost.batches
    sentence = (
        f"{name}, {epochs} epoch{'s' * (epochs > 1)}, takes about {_duration(training.seconds)} "
        f"on a free core of this machine (measured on {batches} batch{'es' * (batches > 1)}"
    )
    busy = (
        f"; it is busy, which made that {training.cost.slowdown:.2g} times as long"
        if training.cost.slowdown > _BUSY_SLOWDOWN
        else ""
    )
    sentence += f"{busy})"
    if training.seconds < LIMIT_S:
        return sentence
    return (
        f"{sentence}, {_duration(training.seconds - LIMIT_S)} more than the two minutes that a first try should take; "
        "fewer or smaller samples cost less, a trained network (weights) or a GPU (resources.gpus) nearly nothing"
    )


def _duration(seconds: float) -> str:
    if seconds < _LONG_S:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} minutes" if minutes < _LONG_S else f"{round(minutes / 60)} hours"
