"""What a sweep takes from outside of its file, by digests: where all are the same, so is what comes out."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import torch

from ratefront.catalogue import CATALOGUE
from ratefront.catalogue.task_models import ModuleParameters
from ratefront.data.dataset import Dataset
from ratefront.data.dataset_digest import dataset_digest
from ratefront.data.load_dataset import load_dataset
from ratefront.own_code import is_own_module, module_digests, own_modules
from ratefront.spec.schema import SweepSpec
from ratefront.spec.targets.target_modules import (
    module_of_task_model,
    modules_of_families,
    modules_of_metrics,
)
from ratefront.tasks.build_task_model import build_task_model
from ratefront.tasks.own_network.module_task_model import loaded_digest
from ratefront.tasks.own_network.weights_file import weights_digest


def code_of_task_model(spec: SweepSpec, data: Dataset) -> dict[str, str]:
    """A digest of each module that the task model is made by and that is no part of ratefront or torch: that of the
    function, those of the classes in the model, and what they import of the user's own.
    """
    module = module_of_task_model(spec.task_model)
    if not is_own_module(module):
        return {}
    with torch.random.fork_rng(devices=[]):
        model = build_task_model(spec.task_model, data.classes, data.shape, data.name)
    return module_digests(own_modules([module], {type(part).__module__ for part in model.modules()}))


def code_of_families(spec: SweepSpec) -> dict[str, str]:
    """A digest of each module of the plugins that bring the sweep's codec families."""
    return module_digests(own_modules(modules_of_families(spec)))


def code_of_metrics(spec: SweepSpec) -> dict[str, str]:
    """A digest of each module of the sweep's metrics, as ``metric MODULE``, since no codec is made by it; of an
    installed one, as scikit-learn's, no more than the module itself.
    """
    return module_digests(own_modules((), modules_of_metrics(spec)), "metric")


def code_of_trials(spec: SweepSpec) -> dict[str, str]:
    """What trials run besides the task model."""
    return {**code_of_families(spec), **code_of_metrics(spec)}


def inputs_of_task_model(spec: SweepSpec, data: Dataset, *, begins: bool = True) -> dict[str, str]:
    """``dataset``; of a model that is no part of ratefront ``code MODULE`` for each module of its code; of a user's own
    also ``loaded``, what the code gives the network but by chance; and the file of ``weights``.

    Where two are the same, so is the task model, wherever the files lie. Only one that ``begins`` needs the weights.
    """
    inputs = {"dataset": dataset_digest(data), **code_of_task_model(spec, data)}
    parameters = CATALOGUE.task_models[spec.task_model.name].parameters(**spec.task_model.parameters)
    if isinstance(parameters, ModuleParameters):
        inputs["loaded"] = loaded_digest(parameters, data.classes, data.shape)
    if parameters.weights is not None and (begins or Path(parameters.weights).exists()):
        inputs["weights"] = weights_digest(Path(parameters.weights))
    return inputs


def present_inputs(spec: SweepSpec) -> dict[str, str]:
    """As ``TaskModelReady.inputs``, of what is there now; without ``weights`` where that file is gone.

    Raises:
        InputError: The data set or the task model cannot be had.
    """
    return {**inputs_of_task_model(spec, load_dataset(spec.dataset), begins=False), **code_of_trials(spec)}


def inputs_of_trials(spec: SweepSpec) -> dict[str, str]:
    """What this process has loaded of what trials themselves use: the data set and the code, not the task model's
    weights, of which the sweep has its own.
    """
    return {"dataset": dataset_digest(load_dataset(spec.dataset)), **_loaded_code(spec.model_dump_json())}


@lru_cache(maxsize=4)
def _loaded_code(plain: str) -> dict[str, str]:
    """Looked at once a process, which imports code only once."""
    spec = SweepSpec.model_validate_json(plain)
    return {**code_of_task_model(spec, load_dataset(spec.dataset)), **code_of_trials(spec)}
