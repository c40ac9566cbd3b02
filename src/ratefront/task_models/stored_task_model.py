"""A trained task model in its folder: weights, predictions, and facts. Only a complete folder is used."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from ratefront.array_files import UNREADABLE, open_npz, read_npz_array
from ratefront.bounded_files import read_json_file
from ratefront.bounds import refuse_probabilities
from ratefront.complexity.stored_precision import non_finite_parameters, round_to_half, stored_tensors
from ratefront.complexity.transmitter_bytes import module_bytes
from ratefront.data.dataset import Dataset, Samples
from ratefront.data.dataset_digest import dataset_digest
from ratefront.data.load_dataset import load_dataset
from ratefront.errors import DivergedError, InputError
from ratefront.history.events import TaskModelReady
from ratefront.record_fields import record_check
from ratefront.spec.sweep_spec import Named, SweepSpec
from ratefront.store.files.atomic_files import write_bytes
from ratefront.store.files.checksummed_folder import FACTS_FILE, write_checksums
from ratefront.task_models.build_task_model import build_task_model
from ratefront.task_models.float_rounding import ROUNDING_TOLERANCE
from ratefront.task_models.own_network.evaluation_check import check_second_pass, second_pass
from ratefront.task_models.task_model import DROP_SOFTMAX, TaskModel, predict_logits

WEIGHTS, _PREDICTIONS = "model.safetensors", "predictions.npz"
_COMPARED = 128  # samples on which a user's network is compared with its stored predictions


def name_in_messages(named: Named) -> str:
    """Return what messages call the task model."""
    target = named.parameters.get("target")
    return f"task_model {named.name}" if target is None else f"target {target}"


def save_task_model(
    folder: Path, model: TaskModel, named: Named, data: Dataset, facts: Mapping[str, Any]
) -> None:
    """Write weights, predictions and facts into the folder.

    The predictions are the logits of validation and test that the stored weights give. The weights of the model in
    memory are rounded as they are stored.

    Args:
        folder: The folder to write.
        model: The trained task model.
        named: Its name and parameters in the sweep file.
        data: The data set.
        facts: Facts to write besides those that are measured here.

    Raises:
        InputError: The stored weights give other logits than the model in memory, or the logits are probabilities.
        DivergedError: The weights cannot be stored, or the logits are not finite.
    """
    accuracy_given = _accuracy(_logits(model, data.test.images), data.test.labels)
    _round_to_stored(model)
    # Not by ``save_file``, which makes a file that only its owner may read, whatever the umask.
    write_bytes(folder / WEIGHTS, save(stored_tensors(model)))
    logits = _stored_logits(folder, model, named, data)
    labels = {name: getattr(data, name).labels for name in logits}
    arrays = {f"logits_{name}": value for name, value in logits.items()}
    arrays |= {f"labels_{name}": value for name, value in labels.items()}
    np.savez_compressed(folder / _PREDICTIONS, **arrays)
    measured_facts = {
        "classes": data.classes,
        "raw_bits": data.raw_bits,
        "dataset_digest": dataset_digest(data),
        "samples": {name: len(getattr(data, name)) for name in ("train", "validation", "test")},
        "shape": data.shape,
        "task_model_bytes": module_bytes(model),
        "accuracy_given": accuracy_given,
        "accuracy_validation": _accuracy(logits["validation"], labels["validation"]),
        "accuracy": _accuracy(logits["test"], labels["test"]),
    }
    write_checksums(folder, {**facts, **measured_facts})


def _stored_logits(
    folder: Path, model: TaskModel, named: Named, data: Dataset
) -> dict[str, NDArray[np.float32]]:
    """Return the logits (N, K) of the stored weights, after a check that the model in memory gives the same ones."""
    stored = _read(folder, named, data.classes, data.shape).to(next(model.parameters()).device)
    validation = predict_logits(stored, data.validation.images)
    check_second_pass(model, data.validation.images, validation, name_in_messages(named))
    logits = {"validation": _finite(validation), "test": _logits(stored, data.test.images)}
    refuse_probabilities(logits["test"], "what the task model gives", DROP_SOFTMAX)
    return logits


def _round_to_stored(model: TaskModel) -> None:
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
    """Return the facts of the folder as an event of the ledger.

    Raises:
        InputError: They are not what ratefront writes: the folder may be a stranger's, and its checksums as well.
    """
    path = folder / FACTS_FILE
    try:
        facts = dict(read_json_file(path))
        known = {field.name: facts[field.name] for field in fields(TaskModelReady)}
        record_check(TaskModelReady)(known)
    except KeyError as error:
        raise InputError(f"{path}: it lacks {error.args[0]}") from error
    except (FileNotFoundError, ValueError, TypeError) as error:
        raise InputError(f"{path}: {error}") from error
    return TaskModelReady(**known)


def read_predictions(folder: Path) -> dict[str, NDArray[np.float32]]:
    """Return the logits (N, K) of ``validation`` and ``test`` that were stored with a sweep's task model.

    Raises:
        InputError: The file does not hold two such arrays.
    """
    path = folder / _PREDICTIONS
    try:
        with open_npz(path) as archive:
            logits = {name: read_npz_array(archive, f"logits_{name}") for name in ("validation", "test")}
    except (FileNotFoundError, *UNREADABLE) as error:
        raise InputError(f"{path}: the logits cannot be read: {error}") from error
    for name, array in logits.items():
        if array.dtype != np.float32 or array.ndim != 2:
            raise InputError(f"{path}: logits_{name} must be float32 (N, K), got {array.dtype} {array.shape}")
    return logits


def explain_changed_logits(spec: SweepSpec, folder: Path) -> str | None:
    """Compare the network that the user's code makes now with the predictions in the folder, with the same weights.

    Returns:
        A message that says how the logits differ; None if they agree.
    """
    images = load_dataset(spec.dataset).validation.images
    before = torch.from_numpy(read_predictions(folder)["validation"])
    _, deviation = second_pass(load_task_model_uncached(spec, folder), images, before, _COMPARED)
    if not (deviation > ROUNDING_TOLERANCE).any():
        return None
    return (
        f"{name_in_messages(spec.task_model)}: with its code and its weights as they were it computes something else: "
        f"logits differ by up to {float(deviation.max()):.2g} of the largest. It reads something that is not recorded "
        "(a file, a variable of the environment, a module that it imports by name): write that into the module"
    )


def load_task_model(spec: SweepSpec, folder: Path) -> TaskModel:
    """Load the trained task model of a sweep in evaluation mode; the process keeps it between trials."""
    data = load_dataset(spec.dataset)
    described = json.dumps(spec.task_model.model_dump(), sort_keys=True)
    return _cached_task_model(read_ready_event(folder).identity, folder, described, data.classes, data.shape)


def load_task_model_uncached(spec: SweepSpec, folder: Path) -> TaskModel:
    """Load the task model as ``load_task_model`` does, but from the files as they are now, not from memory."""
    data = load_dataset(spec.dataset)
    return _read(folder, spec.task_model, data.classes, data.shape)


@lru_cache(maxsize=2)
def _cached_task_model(
    identity: str, folder: Path, described: str, classes: int, shape: tuple[int, ...]
) -> TaskModel:
    """Return the task model, kept by its identity: another one may lie in the same folder later."""
    return _read(folder, Named.model_validate(json.loads(described)), classes, shape)


def _read(folder: Path, named: Named, classes: int, shape: Sequence[int]) -> TaskModel:
    model, path = build_task_model(named, classes, shape), folder / WEIGHTS
    try:
        model.load_state_dict(load_file(path))
    except (FileNotFoundError, RuntimeError, SafetensorError) as error:
        why = " ".join(str(error).split())
        raise InputError(f"{path}: these are not the weights of {name_in_messages(named)}: {why}") from error
    if bad := non_finite_parameters(model):  # which ``save_task_model`` does not write
        raise InputError(f"{path}: the weights {', '.join(bad[:3])} are not all finite")
    model.requires_grad_(False)
    return model.eval()
