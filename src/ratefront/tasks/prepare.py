"""The task model of a sweep: trained once, cached by content, kept in the sweep's folder with its predictions."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor

from ratefront.catalogue import CATALOGUE
from ratefront.catalogue.task_models import ModuleParameters
from ratefront.complexity import module_bytes
from ratefront.data.content import content_of
from ratefront.data.load import load_dataset
from ratefront.data.place import cache_folder
from ratefront.data.splits import Dataset, Samples
from ratefront.errors import DivergedError
from ratefront.events import TaskModelReady
from ratefront.spec.schema import Named, SweepSpec
from ratefront.store.alone import alone
from ratefront.store.atomic import flush_to_disk
from ratefront.store.folder import progress_path
from ratefront.store.sealed import FACTS, is_whole, seal
from ratefront.store.task_model_progress import WAITS, ProgressFile
from ratefront.tasks.build import build_task_model
from ratefront.tasks.course import Course, checkpoint_of
from ratefront.tasks.model import TaskModel, predict_logits
from ratefront.tasks.module import code_digest
from ratefront.tasks.train import train_task_model

_TRAINING_VERSION = (
    1  # raise when training or an architecture changes: the cache must not answer with the old weights
)
_OWN = "module"


def prepare_task_model(spec: SweepSpec, folder: Path, device: str = "cpu") -> TaskModelReady:
    """Fill ``folder`` (the sweep's ``task_model/``) with weights, predictions and facts; train only what is not cached.

    Writes ``model.safetensors`` (fp16), ``predictions.npz`` (labels and logits of validation and test) and
    ``facts.json``. What lies in the cache and is not whole is trained again. Of processes that want the same one,
    on nodes that share a cache, one trains and the others wait.

    Raises
    ------
    InputError
        The task model does not take the data set's samples, or its pretrained weights cannot be had.
    DivergedError
        Training failed.
    """
    progress = ProgressFile(progress_path(folder))
    data = load_dataset(spec.dataset)
    data = replace(data, content=content_of(data))  # both the cache's key and the facts hold it
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
    return _facts_of(folder)


def _facts_of(folder: Path) -> TaskModelReady:
    facts = json.loads((folder / FACTS).read_text())
    return TaskModelReady(
        facts["identity"],
        facts["accuracy_validation"],
        facts["accuracy"],
        facts["task_model_bytes"],
        facts["accuracy_given"],
        facts["inputs"],
    )


def inputs_of(spec: SweepSpec, data: Dataset) -> dict[str, str]:
    """A digest of everything that a sweep takes from outside of its file: ``dataset``, and of a user's own module
    its ``code``.

    Where two are the same, so are the task model and what trials measure, wherever the files lie.
    """
    inputs = {"dataset": content_of(data)}
    if spec.task_model.name == _OWN:
        model = build_task_model(spec.task_model, data.classes, data.shape, data.name)
        inputs["code"] = code_digest(model, ModuleParameters(**spec.task_model.parameters))
    return inputs


def _identity(spec: SweepSpec, data: Dataset, inputs: Mapping[str, str]) -> str:
    described = [_TRAINING_VERSION, spec.task_model.model_dump(), data.name, data.classes, inputs]
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
        model.take_pretrained()
        with course.ending_at(DivergedError):
            train_task_model(model, data, parameters, device, course)
        made = Path(temporary) / "made"
        made.mkdir()
        _save(made, model, data, identity, inputs)
        _put(made, kept, Path(temporary) / "torn")
    course.end()


def _put(made: Path, kept: Path, aside: Path) -> None:
    """Whole or not at all: in the place of one that is torn, not of one that somebody else has put there meanwhile."""
    if kept.exists() and not is_whole(kept):
        kept.rename(aside)
    try:
        made.rename(kept)
    except OSError:
        if not is_whole(kept):
            raise


def _save(folder: Path, model: TaskModel, data: Dataset, identity: str, inputs: Mapping[str, str]) -> None:
    """Weights and statistics as fp16; what counts, as batches that were seen, stays whole."""
    weights = {name: _stored(tensor) for name, tensor in model.state_dict().items()}
    save_file(weights, folder / "model.safetensors")
    logits = {name: _logits(model, getattr(data, name).images) for name in ("validation", "test")}
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
        "accuracy_given": None,
        "samples": {name: len(getattr(data, name)) for name in ("train", "validation", "test")},
        "shape": data.shape,
        "task_model_bytes": module_bytes(model),
        "accuracy_validation": _accuracy(logits["validation"], labels["validation"]),
        "accuracy": _accuracy(logits["test"], labels["test"]),
    }
    seal(folder, facts)


def _stored(tensor: Tensor) -> Tensor:
    return (tensor.half() if tensor.is_floating_point() else tensor).cpu().contiguous()


def _logits(model: TaskModel, images: Samples) -> NDArray[np.float32]:
    logits: NDArray[np.float32] = predict_logits(model, images).numpy()
    return logits


def _accuracy(logits: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    return float((logits.argmax(axis=1) == labels).mean())


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
