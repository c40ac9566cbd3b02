"""A first sweep for one's own data: what is in them, and a task model whose training is choose_affordable_training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ratefront.catalogue import CATALOGUE
from ratefront.data.label_statistics import label_bits
from ratefront.spec.schema import Named
from ratefront.spec.views.first_sweep_text import FirstSweep
from ratefront.tasks.training.affordable_model import LIMIT_S, AffordableTraining, choose_affordable_training

_LONG_S = 120
_BUSY = 1.5
_NO_ARCHITECTURE = ("name", "weights", "epochs")


def draft_first_sweep(datasets: Sequence[Named], task_model: Mapping[str, Any] | None) -> FirstSweep:
    """See ``choose_affordable_training``, whose errors these are."""
    choice = choose_affordable_training(datasets, task_model)
    data = choice.data
    return FirstSweep(
        dataset=choice.dataset.model_dump(),
        samples={name: len(getattr(data, name)) for name in ("train", "validation", "test")},
        shape=data.shape,
        classes=data.classes,
        label_bits=label_bits(data.train.labels),
        task_model=choice.task_model,
        splits=_splits(choice),
        cost=_cost(choice),
        warnings=data.remarks,
    )


def _splits(choice: AffordableTraining) -> Sequence[str]:
    """Those of the architecture; whether it takes weights is told when the whole file is checked."""
    registered = CATALOGUE.task_models[choice.task_model["name"]]
    own = {key: value for key, value in choice.task_model.items() if key not in _NO_ARCHITECTURE}
    of_data = {"classes": choice.data.classes, "shape": choice.data.shape}
    splits: Sequence[str] = registered.facts_for(registered.parameters(**own), of_data)["splits"]
    return splits


def _cost(choice: AffordableTraining) -> str:
    chosen = choice.task_model
    called = str(chosen.get("target", chosen["name"]))
    called += f" (width {chosen['width']})" if "width" in chosen else ""
    if choice.cost is None:
        return f"{called} comes with its weights, so that nothing is trained"
    epochs, batches = chosen["epochs"], choice.cost.batches
    said = (
        f"{called}, {epochs} epoch{'s' * (epochs > 1)}, takes about {_duration(choice.seconds)} "
        f"on a free core of this machine (measured on {batches} batch{'es' * (batches > 1)}"
    )
    busy = (
        f"; it is busy, which made that {choice.cost.slowed:.2g} times as long"
        if choice.cost.slowed > _BUSY
        else ""
    )
    said += f"{busy})"
    if choice.seconds < LIMIT_S:
        return said
    return (
        f"{said}, {_duration(choice.seconds - LIMIT_S)} more than the two minutes that a first try should take; "
        "fewer or smaller samples cost less, a trained network (weights) or a GPU (resources.gpus) nearly nothing"
    )


def _duration(seconds: float) -> str:
    if seconds < _LONG_S:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} minutes" if minutes < _LONG_S else f"{round(minutes / 60)} hours"
