"""Digests of what a sweep takes from outside its file: if all are equal, so are its results."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import torch

from ratefront.catalogue import CATALOGUE
from ratefront.catalogue.task_models import ModuleParameters
from ratefront.data.dataset import Dataset
from ratefront.data.dataset_digest import dataset_digest
from ratefront.data.load_dataset import load_dataset
from ratefront.spec.import_paths.target_modules import (
    module_of_task_model,
    modules_of_families,
    modules_of_metrics,
)
from ratefront.spec.sweep_spec import SweepSpec
from ratefront.task_models.build_task_model import build_task_model
from ratefront.task_models.own_network.module_task_model import loaded_digest
from ratefront.task_models.own_network.read_weights_file import weights_digest
from ratefront.user_modules import is_own_module, module_digests, own_modules


def code_of_task_model(spec: SweepSpec, data: Dataset) -> dict[str, str]:
    """Return a digest of each of the user's modules that the task model is made by; empty for ratefront's models.

    These are the module of the function, those of the classes in the model, and what they import of the user's code.
    """
    module = module_of_task_model(spec.task_model)
    if not is_own_module(module):
        return {}
    with torch.random.fork_rng(devices=[]):
        model = build_task_model(spec.task_model, data.classes, data.shape, data.name)
    return module_digests(own_modules([module], {type(part).__module__ for part in model.modules()}))


def code_of_families(spec: SweepSpec) -> dict[str, str]:
    """Return a digest of each module of the plugins that bring the sweep's codec families."""
    return module_digests(own_modules(modules_of_families(spec)))


def code_of_metrics(spec: SweepSpec) -> dict[str, str]:
    """Return a digest of each module of the sweep's metrics, under ``metric MODULE``, since it makes no codec.

    Of an installed package, such as scikit-learn, only the module itself is digested.
    """
    return module_digests(own_modules((), modules_of_metrics(spec)), "metric")


def code_of_trials(spec: SweepSpec) -> dict[str, str]:
    """Return the digests of the code that trials run besides the task model."""
    return {**code_of_families(spec), **code_of_metrics(spec)}


def inputs_of_task_model(spec: SweepSpec, data: Dataset, *, begins: bool = True) -> dict[str, str]:
    """Return the digests of the task model's inputs; if they are equal, so is the task model, wherever its files lie.

    Args:
        spec: The sweep.
        data: Its data set.
        begins: Whether the task model is yet to be made; only then must the file of weights exist.

    Returns:
        ``dataset``; ``code MODULE`` for each module of the user's code; for the task model ``module`` also ``loaded``,
        the weights that the code gives the network other than at random; and ``weights``, the file of weights.
    """
    inputs = {"dataset": dataset_digest(data), **code_of_task_model(spec, data)}
    parameters = CATALOGUE.task_models[spec.task_model.name].parameters(**spec.task_model.parameters)
    if isinstance(parameters, ModuleParameters):
        inputs["loaded"] = loaded_digest(parameters, data.classes, data.shape)
    if parameters.weights is not None and (begins or Path(parameters.weights).exists()):
        inputs["weights"] = weights_digest(Path(parameters.weights))
    return inputs


def present_inputs(spec: SweepSpec) -> dict[str, str]:
    """Return what ``TaskModelReady.inputs`` would be now; without ``weights`` if that file is gone.

    Raises:
        InputError: The data set or the task model cannot be loaded.
    """
    return {**inputs_of_task_model(spec, load_dataset(spec.dataset), begins=False), **code_of_trials(spec)}


def inputs_of_trials(spec: SweepSpec) -> dict[str, str]:
    """Return the digests of what this process has loaded for its trials: the data set and the code.

    The task model's weights are not among them, since the sweep has its own copy.
    """
    return {"dataset": dataset_digest(load_dataset(spec.dataset)), **_loaded_code(spec.model_dump_json())}


@lru_cache(maxsize=4)
def _loaded_code(spec_json: str) -> dict[str, str]:
    """Return the digests of the code, computed once per process, since a process imports code only once."""
    spec = SweepSpec.model_validate_json(spec_json)
    return {**code_of_task_model(spec, load_dataset(spec.dataset)), **code_of_trials(spec)}
