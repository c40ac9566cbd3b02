"""A task model in its folder: weights, what they predict, and facts; whole, or not to be used."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor

from ratefront.bounds import refuse_probabilities
from ratefront.complexity.stored_precision import non_finite_parameters, round_to_half, stored_tensors
from ratefront.complexity.transmitter_bytes import module_bytes
from ratefront.data.dataset import Dataset, Samples
from ratefront.data.dataset_digest import dataset_digest
from ratefront.data.load_dataset import load_dataset
from ratefront.errors import DivergedError
from ratefront.history.events import TaskModelReady
from ratefront.spec.schema import Named, SweepSpec
from ratefront.store.files.checksummed_folder import FACTS, seal
from ratefront.tasks.build_task_model import build_task_model
from ratefront.tasks.float_rounding import ROUNDING_TOLERANCE
from ratefront.tasks.own_network.evaluation_check import check_second_pass, second_pass
from ratefront.tasks.task_model import DROP_SOFTMAX, TaskModel, predict_logits

WEIGHTS, _PREDICTIONS = "model.safetensors", "predictions.npz"
_COMPARED = 128  # samples that a user's network is tried on before its predictions are taken for its own


def name_in_messages(named: Named) -> str:
    """What messages call the task model."""
    target = named.parameters.get("target")
    return f"task_model {named.name}" if target is None else f"target {target}"


def save_task_model(
    folder: Path, model: TaskModel, named: Named, data: Dataset, facts: Mapping[str, Any]
) -> None:
    """Write the weights, the logits that the weights as written give of every sample of validation and test, and facts
    beside those that are given. The model is left as it is stored.

    Raises:
        InputError: What is stored gives other logits than the model in memory, or they are probabilities.
        DivergedError: The weights cannot be stored, or give no numbers.
    """
    given = _accuracy(_logits(model, data.test.images), data.test.labels)
    _round(model)
    save_file(stored_tensors(model), folder / WEIGHTS)
    logits = _written(folder, model, named, data)
    labels = {name: getattr(data, name).labels for name in logits}
    arrays = {f"logits_{name}": value for name, value in logits.items()}
    arrays |= {f"labels_{name}": value for name, value in labels.items()}
    np.savez_compressed(folder / _PREDICTIONS, **arrays)
    own = {
        "classes": data.classes,
        "raw_bits": data.raw_bits,
        "dataset_digest": dataset_digest(data),
        "samples": {name: len(getattr(data, name)) for name in ("train", "validation", "test")},
        "shape": data.shape,
        "task_model_bytes": module_bytes(model),
        "accuracy_given": given,
        "accuracy_validation": _accuracy(logits["validation"], labels["validation"]),
        "accuracy": _accuracy(logits["test"], labels["test"]),
    }
    seal(folder, {**facts, **own})


def _written(folder: Path, model: TaskModel, named: Named, data: Dataset) -> dict[str, NDArray[np.float32]]:
    """Logits (N, K) of the weights as they were written; the model in memory, which they come from, agrees."""
    stored = _read(folder, named, data.classes, data.shape).to(next(model.parameters()).device)
    validation = predict_logits(stored, data.validation.images)
    check_second_pass(model, data.validation.images, validation, name_in_messages(named))
    logits = {"validation": _finite(validation), "test": _logits(stored, data.test.images)}
    refuse_probabilities(logits["test"], "what the task model gives", DROP_SOFTMAX)
    return logits


def _round(model: TaskModel) -> None:
    round_to_half(model)
    if bad := non_finite_parameters(model):
        raise DivergedError(
            f"the task model has weights that fp16 cannot store ({', '.join(bad[:3])}); precision: fp32 keeps and "
            "counts them in fp32"
        )


def _logits(model: TaskModel, images: Samples) -> NDArray[np.float32]:
    return _finite(predict_logits(model, images))


def _finite(logits: Tensor) -> NDArray[np.float32]:
    if not torch.isfinite(logits).all():
        raise DivergedError("the task model gives logits that are NaN or infinite")
    return logits.numpy()


def _accuracy(logits: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    return float((logits.argmax(axis=1) == labels).mean())


def read_ready_event(folder: Path) -> TaskModelReady:
    """What the folder's facts say, as the ledger has it."""
    facts = json.loads((folder / FACTS).read_text())
    return TaskModelReady(
        facts["identity"],
        facts["accuracy_validation"],
        facts["accuracy"],
        facts["task_model_bytes"],
        facts["accuracy_given"],
        facts["inputs"],
        tuple(facts["warnings"]),
    )


def read_predictions(folder: Path) -> dict[str, NDArray[np.float32]]:
    """The logits (N, K) of ``validation`` and ``test`` that were stored with a sweep's task model."""
    with np.load(folder / _PREDICTIONS, allow_pickle=False) as arrays:
        return {name: arrays[f"logits_{name}"] for name in ("validation", "test")}


def explain_changed_logits(spec: SweepSpec, folder: Path) -> str | None:
    """Why the network that the user's code makes now is not the one whose predictions lie in the folder, though it is
    given the same weights; None where it is.
    """
    images = load_dataset(spec.dataset).validation.images
    before = torch.from_numpy(read_predictions(folder)["validation"])
    _, apart = second_pass(load_task_model_uncached(spec, folder), images, before, _COMPARED)
    if not (apart > ROUNDING_TOLERANCE).any():
        return None
    return (
        f"{name_in_messages(spec.task_model)}: with its code and its weights as they were it computes something else: "
        f"logits differ by up to {float(apart.max()):.2g} of the largest. It reads what nobody knows of (a file, a variable "
        "of the environment, a module that it imports by name): write that into the module"
    )


def load_task_model(spec: SweepSpec, folder: Path) -> TaskModel:
    """The trained task model of a sweep from its folder, in evaluation mode, kept in the process between trials."""
    data = load_dataset(spec.dataset)
    described = json.dumps(spec.task_model.model_dump(), sort_keys=True)
    return _kept(read_ready_event(folder).identity, folder, described, data.classes, data.shape)


def load_task_model_uncached(spec: SweepSpec, folder: Path) -> TaskModel:
    """As ``load_task_model``, from the files as they are now: whatever the process keeps is not looked at."""
    data = load_dataset(spec.dataset)
    return _read(folder, spec.task_model, data.classes, data.shape)


@lru_cache(maxsize=2)
def _kept(identity: str, folder: Path, described: str, classes: int, shape: tuple[int, ...]) -> TaskModel:
    """Kept by the model's identity: another one may lie in the same folder later."""
    return _read(folder, Named.model_validate(json.loads(described)), classes, shape)


def _read(folder: Path, named: Named, classes: int, shape: Sequence[int]) -> TaskModel:
    model = build_task_model(named, classes, shape)
    model.load_state_dict(load_file(folder / WEIGHTS))
    model.requires_grad_(False)
    return model.eval()
