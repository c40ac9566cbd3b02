"""Prepare the task model of a sweep: train it once, cache it by content, and copy it to the sweep's folder."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch

from ratefront.cache_folders import cache_folder
from ratefront.catalogue import CATALOGUE
from ratefront.catalogue.task_models import ImageNetParameters, TaskModelParameters, accuracy_warnings
from ratefront.data.dataset import Dataset
from ratefront.data.load_dataset import load_dataset
from ratefront.errors import DivergedError, InputError
from ratefront.history.events import TaskModelReady
from ratefront.spec.import_paths.target_modules import module_of_task_model
from ratefront.spec.sweep_spec import SweepSpec
from ratefront.store.files.checksummed_folder import copy_intact, is_intact
from ratefront.store.files.process_lock import exclusively
from ratefront.store.sweep_folder import progress_path
from ratefront.store.task_model_progress import WAITS, ProgressFile
from ratefront.task_models.build_task_model import build_task_model
from ratefront.task_models.input_digests import code_of_trials, inputs_of_task_model
from ratefront.task_models.own_network.evaluation_check import check_evaluation, check_stages, few_samples
from ratefront.task_models.own_network.fill_and_check_weights import load_weights
from ratefront.task_models.stored_task_model import (
    explain_changed_logits,
    name_in_messages,
    read_ready_event,
    save_task_model,
)
from ratefront.task_models.task_model import TaskModel, default_batch_size
from ratefront.task_models.training.train_task_model import train_task_model
from ratefront.task_models.training.training_progress import TrainingProgress, task_model_checkpoint
from ratefront.user_modules import is_own_module

#: Raise it when training or an architecture changes: the cache must not return the old weights.
_TRAINING_VERSION = 2
_COMPARED = 256  # samples on which a network and its stages in sequence are compared


def prepare_task_model(spec: SweepSpec, folder: Path, device: str = "cpu") -> TaskModelReady:
    """Fill ``folder`` (the sweep's ``task_model/``) with weights, predictions and facts; train only what is not cached.

    It writes ``model.safetensors``, ``predictions.npz`` (labels and logits of validation and test) and ``facts.json``.
    An incomplete task model in the cache is trained again. If several processes need the same one, on nodes that share
    a cache, one trains and the others wait.

    Args:
        spec: The sweep.
        folder: The folder to fill.
        device: The device to train on, ``cpu`` or ``cuda``.

    Raises:
        InputError: The task model does not take the data set's samples; a stage is not a function of its input in
            evaluation mode; the weights cannot be loaded; or the code computes something else than the cached one.
        DivergedError: Training failed.
    """
    progress_file = ProgressFile(progress_path(folder))
    data = load_dataset(spec.dataset)
    inputs = inputs_of_task_model(spec, data)
    identity = _identity(spec, data, inputs)
    kept = _kept(identity)
    if not is_intact(kept):
        work = f"task model {spec.task_model.name}"
        with exclusively(kept.with_name(f"{identity}.lock"), work, partial(progress_file.write, WAITS)):
            if not is_intact(kept):  # another process may have made it while this one waited
                progress = TrainingProgress(task_model_checkpoint(identity), progress_file.write)
                _train_into(kept, spec, data, identity, inputs, device, progress)
    elif is_own_module(module_of_task_model(spec.task_model)) and (
        change := explain_changed_logits(spec, kept)
    ):
        raise InputError(change)
    progress_file.remove()
    copy_intact(kept, folder)
    return replace(read_ready_event(folder), inputs={**inputs, **code_of_trials(spec)})


def is_cached(spec: SweepSpec) -> bool:
    """Return whether the sweep's task model is in the cache, so that it need not be trained.

    Raises:
        InputError: The data set or the task model is not available.
    """
    data = load_dataset(spec.dataset)
    return is_intact(_kept(_identity(spec, data, inputs_of_task_model(spec, data))))


def save_untrained_task_model(spec: SweepSpec, folder: Path, device: str = "cpu") -> None:
    """Fill ``folder`` with the task model as it is before its training, and not the cache: for measurements of time.

    Raises:
        InputError: As ``prepare_task_model``.
    """
    data = load_dataset(spec.dataset)
    parameters = CATALOGUE.task_models[spec.task_model.name].parameters(**spec.task_model.parameters)
    with torch.random.fork_rng():
        torch.manual_seed(parameters.seed)
        model = build_task_model(spec.task_model, data.classes, data.shape, data.name)
        _initialise(model, data, parameters, name_in_messages(spec.task_model))
        folder.mkdir(exist_ok=True)
        facts = {"identity": "untrained", "inputs": {}, "warnings": []}
        save_task_model(folder, model.to(device), spec.task_model, data, facts)


def _kept(identity: str) -> Path:
    return cache_folder() / "task_models" / identity


def _identity(spec: SweepSpec, data: Dataset, inputs: Mapping[str, str]) -> str:
    task_model = spec.task_model.model_dump()
    task_model.pop("weights", None)  # the content of the file counts, which is in ``inputs``, not its place
    described = [_TRAINING_VERSION, task_model, data.name, data.classes, inputs]
    return hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()[:32]


def _train_into(
    kept: Path,
    spec: SweepSpec,
    data: Dataset,
    identity: str,
    inputs: Mapping[str, str],
    device: str,
    progress: TrainingProgress,
) -> None:
    """Train the task model and move it to ``kept`` in the cache.

    One process at a time may call it for an identity: drafts of this identity were abandoned by a killed process.
    """
    for abandoned in kept.parent.glob(f".{identity}.*"):
        shutil.rmtree(abandoned)
    parameters = CATALOGUE.task_models[spec.task_model.name].parameters(**spec.task_model.parameters)
    drafts = tempfile.TemporaryDirectory(prefix=f".{identity}.", dir=kept.parent)
    with torch.random.fork_rng(), drafts as temporary:
        torch.manual_seed(parameters.seed)
        model = build_task_model(spec.task_model, data.classes, data.shape, data.name)
        _initialise(model, data, parameters, name_in_messages(spec.task_model))
        draft = Path(temporary) / "made"
        draft.mkdir()
        data_facts = {
            "classes": data.classes,
            "validation_is_held_out_of_train": data.validation_is_held_out_of_train,
        }
        warnings = [*data.remarks, *accuracy_warnings(parameters, data_facts)]
        facts = {"identity": identity, "inputs": dict(inputs), "warnings": warnings}
        with progress.removing_checkpoint_on(DivergedError, InputError):
            train_task_model(model, data, parameters, device, progress)
            save_task_model(draft, model, spec.task_model, data, facts)
        _move_into_cache(draft, kept, Path(temporary) / "incomplete")
    progress.remove_checkpoint()


def _initialise(model: TaskModel, data: Dataset, parameters: TaskModelParameters, place: str) -> None:
    """Load the given weights, if any, and check that the stages may be cut and compute what the network does."""
    model.load_pretrained()
    if parameters.weights is not None:
        load_weights(model, Path(parameters.weights))
    check_evaluation(model, few_samples(data.validation.images), place)
    # The stages of VGG keep an edge of odd sizes in pooling, which torchvision's network drops: a VGG that is
    # trained here learns with that edge.
    is_trained_here = isinstance(parameters, ImageNetParameters) and parameters.epochs > 0
    if parameters.weights is not None or not is_trained_here:
        count = min(_COMPARED, default_batch_size(data.shape))
        check_stages(model, torch.from_numpy(data.validation.images[:count]), place)


def _move_into_cache(draft: Path, kept: Path, replaced: Path) -> None:
    """Move a complete folder into the cache; it replaces an incomplete one, but not what another process put there."""
    if kept.exists() and not is_intact(kept):
        kept.rename(replaced)
    try:
        draft.rename(kept)
    except OSError:
        if not is_intact(kept):
            raise
