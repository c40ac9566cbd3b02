"""The task model of a sweep: trained once, cached by content, kept in the sweep's folder with its predictions."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file

from ratefront.bounds import refuse_probabilities
from ratefront.catalogue import CATALOGUE
from ratefront.catalogue.task_models import ModuleParameters, TaskModelParameters, doubts_of
from ratefront.complexity import module_bytes
from ratefront.data.content import content_of
from ratefront.data.load import load_dataset
from ratefront.data.place import cache_folder
from ratefront.data.splits import Dataset, Samples
from ratefront.errors import DivergedError
from ratefront.events import TaskModelReady
from ratefront.precision import round_to_half, stored_tensors
from ratefront.spec.schema import Named, SweepSpec
from ratefront.store.alone import alone
from ratefront.store.atomic import flush_to_disk
from ratefront.store.folder import progress_path
from ratefront.store.sealed import FACTS, is_whole, seal
from ratefront.store.task_model_progress import WAITS, ProgressFile
from ratefront.tasks.build import build_task_model
from ratefront.tasks.course import Course, checkpoint_of
from ratefront.tasks.evaluation_check import check_evaluation, check_second_pass, some_samples
from ratefront.tasks.given import check_cut, take_weights
from ratefront.tasks.inputs import code_of_families
from ratefront.tasks.model import DROP_SOFTMAX, TaskModel, predict_logits
from ratefront.tasks.module import loaded_digest
from ratefront.tasks.module_code import code_of_task_model
from ratefront.tasks.state_file import state_digest
from ratefront.tasks.train import train_task_model

_TRAINING_VERSION = (
    2  # raise when training or an architecture changes: the cache must not answer with the old weights
)
_OWN = "module"
_COMPARED = 256  # samples on which a network and its stages in a row are compared


def prepare_task_model(spec: SweepSpec, folder: Path, device: str = "cpu") -> TaskModelReady:
    """Fill ``folder`` (the sweep's ``task_model/``) with weights, predictions and facts; train only what is not cached.

    Writes ``model.safetensors``, ``predictions.npz`` (labels and logits of validation and test) and
    ``facts.json``. What lies in the cache and is not whole is trained again. Of processes that want the same one,
    on nodes that share a cache, one trains and the others wait.

    Raises
    ------
    InputError
        The task model does not take the data set's samples, is no function of them in evaluation mode, or its
        pretrained weights cannot be had.
    DivergedError
        Training failed.
    """
    progress = ProgressFile(progress_path(folder))
    data = load_dataset(spec.dataset)
    inputs = inputs_of(spec, data)
    identity = _identity(spec, data, inputs)
    kept = cache_folder() / "task_models" / identity
    if not is_whole(kept):
        work = f"task model {spec.task_model.name}"
        with alone(kept.with_name(f"{identity}.lock"), work, partial(progress.write, WAITS)):
            if not is_whole(kept):  # another process may have made it while this one waited
                course = Course(checkpoint_of(identity), progress.write)
                _train_into(kept, spec, data, identity, inputs, device, course)
    progress.remove()
    shutil.copytree(kept, folder, dirs_exist_ok=True)
    flush_to_disk([*folder.iterdir(), folder])
    return replace(_facts_of(folder), inputs={**inputs, **code_of_families(spec)})


def _facts_of(folder: Path) -> TaskModelReady:
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


def inputs_of(spec: SweepSpec, data: Dataset) -> dict[str, str]:
    """A digest of everything that a task model takes from outside of the sweep file: ``dataset``; of a model that is no
    part of ratefront ``code MODULE`` for each module of its code; of a user's own also ``loaded``, what the code gives
    the network but by chance; and the file of ``weights``.

    Where two are the same, so is the task model, wherever the files lie.
    """
    inputs = {"dataset": content_of(data), **code_of_task_model(spec, data)}
    if spec.task_model.name == _OWN:
        parameters = ModuleParameters(**spec.task_model.parameters)
        inputs["loaded"] = loaded_digest(parameters, data.classes, data.shape)
    if (weights := spec.task_model.parameters.get("weights")) is not None:
        inputs["weights"] = state_digest(Path(weights))
    return inputs


def _identity(spec: SweepSpec, data: Dataset, inputs: Mapping[str, str]) -> str:
    task_model = spec.task_model.model_dump()
    task_model.pop("weights", None)  # their content counts, not where they lie
    described = [_TRAINING_VERSION, task_model, data.name, data.classes, inputs]
    return hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()[:32]


def _train_into(
    kept: Path,
    spec: SweepSpec,
    data: Dataset,
    identity: str,
    inputs: Mapping[str, str],
    device: str,
    course: Course,
) -> None:
    """Only one process at a time: what lies there of this identity was left by one that was killed."""
    for left in kept.parent.glob(f".{identity}.*"):
        shutil.rmtree(left)
    parameters = CATALOGUE.task_models[spec.task_model.name].parameters(**spec.task_model.parameters)
    drafts = tempfile.TemporaryDirectory(prefix=f".{identity}.", dir=kept.parent)
    with torch.random.fork_rng(), drafts as temporary:
        torch.manual_seed(parameters.seed)
        model = build_task_model(spec.task_model, data.classes, data.shape, data.name)
        _begin(model, data, parameters, _place(spec.task_model))
        with course.ending_at(DivergedError):
            train_task_model(model, data, parameters, device, course)
        made = Path(temporary) / "made"
        made.mkdir()
        known = {
            "classes": data.classes,
            "validation_is_held_out_of_train": data.validation_is_held_out_of_train,
        }
        _save(made, model, data, identity, inputs, doubts_of(parameters, known))
        stored = load_task_model_anew(spec, made).to(device)
        logits = torch.from_numpy(read_predictions(made)["validation"])
        check_second_pass(stored, data.validation.images, logits, _place(spec.task_model))
        _put(made, kept, Path(temporary) / "torn")
    course.end()


def _begin(model: TaskModel, data: Dataset, parameters: TaskModelParameters, place: str) -> None:
    """With the weights that are given, if any: then the network is somebody's, and its stages have to be that."""
    model.take_pretrained()
    if parameters.weights is not None:
        take_weights(model, Path(parameters.weights))
    check_evaluation(model, some_samples(data.validation.images), place)
    is_own = isinstance(parameters, ModuleParameters)
    if is_own or parameters.weights is not None or parameters.epochs == 0:
        check_cut(model, torch.from_numpy(data.validation.images[:_COMPARED]), place)
        model.train()


def _place(named: Named) -> str:
    """What messages call the task model."""
    return f"target {named.parameters['target']}" if named.name == _OWN else f"task_model {named.name}"


def _put(made: Path, kept: Path, aside: Path) -> None:
    """Whole or not at all: in the place of one that is torn, not of one that somebody else has put there meanwhile."""
    if kept.exists() and not is_whole(kept):
        kept.rename(aside)
    try:
        made.rename(kept)
    except OSError:
        if not is_whole(kept):
            raise


def _save(
    folder: Path,
    model: TaskModel,
    data: Dataset,
    identity: str,
    inputs: Mapping[str, str],
    warnings: Sequence[str],
) -> None:
    """What is measured here is what is stored, but for the accuracy of the network as it was given or trained."""
    given = _accuracy(_logits(model, data.test.images), data.test.labels)
    _round(model)
    save_file(stored_tensors(model), folder / "model.safetensors")
    logits = {name: _logits(model, getattr(data, name).images) for name in ("validation", "test")}
    refuse_probabilities(logits["test"], "what the task model gives", DROP_SOFTMAX)
    labels = {name: getattr(data, name).labels for name in logits}
    arrays = {f"logits_{name}": value for name, value in logits.items()}
    arrays |= {f"labels_{name}": value for name, value in labels.items()}
    np.savez_compressed(folder / "predictions.npz", **arrays)
    facts = {
        "identity": identity,
        "classes": data.classes,
        "raw_bits": data.raw_bits,
        "dataset_digest": content_of(data),
        "inputs": dict(inputs),
        "accuracy_given": given,
        "warnings": list(warnings),
        "samples": {name: len(getattr(data, name)) for name in ("train", "validation", "test")},
        "shape": data.shape,
        "task_model_bytes": module_bytes(model),
        "accuracy_validation": _accuracy(logits["validation"], labels["validation"]),
        "accuracy": _accuracy(logits["test"], labels["test"]),
    }
    seal(folder, facts)


def _round(model: TaskModel) -> None:
    """
    Raises
    ------
    DivergedError
        A parameter is too large for fp16, or no number.
    """
    round_to_half(model)
    bad = [name for name, weight in model.named_parameters() if not torch.isfinite(weight).all()]
    if bad:
        raise DivergedError(
            f"the task model has weights that fp16 cannot store ({', '.join(bad[:3])}); precision: fp32 keeps and "
            "counts them in fp32"
        )


def _logits(model: TaskModel, images: Samples) -> NDArray[np.float32]:
    """
    Raises
    ------
    DivergedError
        Some are no numbers.
    """
    logits: NDArray[np.float32] = predict_logits(model, images).numpy()
    if not np.isfinite(logits).all():
        raise DivergedError("the task model gives logits that are NaN or infinite")
    return logits


def _accuracy(logits: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    return float((logits.argmax(axis=1) == labels).mean())


def read_predictions(folder: Path) -> dict[str, NDArray[np.float32]]:
    """The logits (N, K) of ``validation`` and ``test`` that were stored with a sweep's task model."""
    with np.load(folder / "predictions.npz", allow_pickle=False) as arrays:
        return {name: arrays[f"logits_{name}"] for name in ("validation", "test")}


def load_task_model(spec: SweepSpec, folder: Path) -> TaskModel:
    """The trained task model of a sweep from its folder, in evaluation mode, kept in the process between trials."""
    data = load_dataset(spec.dataset)
    described = json.dumps(spec.task_model.model_dump(), sort_keys=True)
    return _load(_facts_of(folder).identity, folder, described, data.classes, data.shape)


@lru_cache(maxsize=2)
def _load(identity: str, folder: Path, described: str, classes: int, shape: tuple[int, ...]) -> TaskModel:
    """Kept by the model's identity: another one may lie in the same folder later."""
    model = build_task_model(Named.model_validate(json.loads(described)), classes, shape)
    weights = load_file(folder / "model.safetensors")
    model.load_state_dict(weights)
    model.requires_grad_(False)
    return model.eval()


def load_task_model_anew(spec: SweepSpec, folder: Path) -> TaskModel:
    """As ``load_task_model``, from the files as they are now: whatever the process keeps is not looked at."""
    data = load_dataset(spec.dataset)
    described = json.dumps(spec.task_model.model_dump(), sort_keys=True)
    return _load.__wrapped__(_facts_of(folder).identity, folder, described, data.classes, data.shape)
