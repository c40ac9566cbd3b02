"""The task model ``module``: the network that a user's function makes, and its checks before a sweep."""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from ratefront.bounds import refuse_probabilities
from ratefront.catalogue.task_models import ModuleParameters
from ratefront.errors import InputError
from ratefront.task_models.own_network.evaluation_check import check_evaluation, check_stages, random_samples
from ratefront.task_models.own_network.opened_files import record_opened_files
from ratefront.task_models.own_network.unregistered_tensors import unregistered_tensors
from ratefront.task_models.task_model import DROP_SOFTMAX, TaskModel

_EXPECTED = (
    "expected package.module:function, importable (PYTHONPATH), from (classes, shape) to a ratefront TaskModel, "
    "or to a torch.nn.Sequential whose children are its stages"
)
_FEWEST_STAGES = 2
#: Module → the data files that its code, or what it imports, opened on import.
_opened_on_import: dict[str, list[Path]] = {}
_SUM_TOLERANCE = 1e-5
"""How close to 1 the outputs of a single sample must sum to count as probabilities: they may come near by chance."""


def build_module(parameters: ModuleParameters, classes: int, shape: Sequence[int]) -> TaskModel:
    """Build the task model that the user's function makes for the number of classes and the shape of a sample.

    Raises:
        InputError: There is no such function, or it makes something else.
    """
    model = _call_target(parameters.target, classes, tuple(shape))
    _feature_shapes(model, parameters.target, classes, shape)
    return model


def describe_module(parameters: ModuleParameters, data: Mapping[str, Any]) -> dict[str, Any]:
    """Describe the task model for the registry: ``splits`` and ``strides``, if classes and shape are known.

    Raises:
        InputError: As ``build_module``, or a stage is not a function of a sample in evaluation mode.
    """
    target = parameters.target
    _function(target)
    if not (data.get("classes") and data.get("shape")):
        return {}
    classes, shape = data["classes"], tuple(data["shape"])
    with record_opened_files() as opened, torch.random.fork_rng(devices=[]):
        model = _call_target(target, classes, shape)
    _refuse_files(opened, target)
    features = _feature_shapes(model, target, classes, shape)
    samples = random_samples(shape)
    check_evaluation(model, samples, f"target {target}")
    check_stages(model, samples, f"target {target}")
    return {"splits": model.splits, "strides": tuple(_stride(shape, one_shape) for one_shape in features)}


def loaded_digest(parameters: ModuleParameters, classes: int, shape: Sequence[int]) -> str:
    """Return the SHA-256 of all weights that the function does not draw at random: it loads them from somewhere.

    Raises:
        InputError: The function opens files while it makes the network: a change of them would not be noticed.
    """
    with record_opened_files() as opened:
        first, second = (_state_from_seed(seed, parameters.target, classes, tuple(shape)) for seed in (0, 1))
    _refuse_files(opened, parameters.target)
    digest = hashlib.sha256()
    for (name, tensor), other in zip(first.items(), second.values(), strict=True):
        if torch.equal(tensor, other):
            digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
            digest.update(tensor.contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _state_from_seed(seed: int, target: str, classes: int, shape: tuple[int, ...]) -> dict[str, Tensor]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = _call_target(target, classes, shape)
        _feature_shapes(model, target, classes, shape)  # a lazy layer has no weights before
        state = model.state_dict()
    return {name: tensor for name, tensor in state.items() if isinstance(tensor, Tensor)}


def _refuse_files(opened: Sequence[Path], target: str) -> None:
    if opened:
        raise InputError(
            f"target {target}: opens {', '.join(map(str, opened[:3]))} while the module is imported or the network is "
            "made, and a change of that file would not be noticed; give trained weights as `weights: FILE`, and "
            "write other settings into the module"
        )


def _function(target: str) -> Callable[..., Any]:
    module, _, name = target.partition(":")
    try:
        function = getattr(_import(module), name)
    except Exception as error:
        raise InputError(f"target {target}: {type(error).__name__}: {error}; {_EXPECTED}") from error
    if not callable(function):
        raise InputError(f"target {target}: is not a function but {type(function).__name__}; {_EXPECTED}")
    _refuse_files(_opened_on_import.get(module, []), target)
    return function  # type: ignore[no-any-return]


def _import(module: str) -> ModuleType:
    """Import the module and keep what it opened, since only the first import runs its code."""
    with record_opened_files() as opened:
        imported = importlib.import_module(module)
    if opened:
        _opened_on_import[module] = opened
    return imported


def _call_target(target: str, classes: int, shape: tuple[int, ...]) -> TaskModel:
    function = _function(target)
    try:
        made = function(classes, shape)
        # ``named_children`` would leave out a module that stands there a second time.
        model = TaskModel(list(made._modules.items()), made) if isinstance(made, nn.Sequential) else made
    except InputError as error:
        raise InputError(f"target {target}: {error}") from error
    except Exception as error:
        raise InputError(
            f"target {target}({classes}, {shape}): {type(error).__name__}: {error}; {_EXPECTED}"
        ) from error
    if not isinstance(model, TaskModel):
        raise InputError(f"target {target}: made a {type(made).__name__}; {_EXPECTED}")
    _disable_inplace(model)
    if not list(model.parameters()):
        raise InputError(
            f"target {target}: its stages have no parameters: what they compute with lies outside of them"
        )
    if len(model.stages) < _FEWEST_STAGES:
        raise InputError(
            f"target {target}: needs at least {_FEWEST_STAGES} stages, to be cut between them; got {len(model.stages)}"
        )
    return model


def _disable_inplace(model: TaskModel) -> None:
    """Set ``inplace=False`` in activations: the output is the same, and their input, which may be kept, stays."""
    for part in model.modules():
        if getattr(part, "inplace", None) is True:
            part.inplace = False  # type: ignore[assignment]


@torch.no_grad()
def _feature_shapes(
    model: TaskModel, target: str, classes: int, shape: Sequence[int]
) -> list[tuple[int, ...]]:
    """Return the shape of one sample's features at each split point, after a check of the logits."""
    model.eval()
    value, shapes = torch.zeros(1, *shape), []
    for name, stage in zip([*model.splits, "the last"], model.stages.values(), strict=True):
        try:
            with unregistered_tensors(stage, value) as unregistered:
                value = stage(value)
            shapes.append(tuple(value.shape[1:]))
        except Exception as error:
            raise InputError(
                f"target {target}: samples {tuple(shape)} do not go through stage {name}: {error}"
            ) from error
        if unregistered:
            raise InputError(
                f"target {target}: stage {name} computes with a tensor {unregistered[0]} that is neither a parameter "
                "nor a buffer of it: it would be neither stored nor counted; make it one (nn.Parameter, "
                "register_buffer)"
            )
    if shapes[-1] != (classes,):
        raise InputError(
            f"target {target}: logits must be (N, {classes}) for {classes} classes, got (N, "
            f"{', '.join(map(str, shapes[-1]))})"
        )
    model.train()
    refuse_probabilities(
        value.float().cpu().numpy(), f"target {target}: what it gives", DROP_SOFTMAX, _SUM_TOLERANCE
    )
    return shapes[:-1]


def _stride(shape: tuple[int, ...], features: tuple[int, ...]) -> int:
    """Return the stride s of features (c, h, w) of images (C, H, W): h = ⌈H/s⌉ and w = ⌈W/s⌉; 0 if there is none."""
    if len(shape) != 3 or len(features) != 3 or 0 in features:
        return 0
    stride = round(shape[1] / features[1])
    fits = stride > 0 and all(-(-shape[i] // stride) == features[i] for i in (1, 2))
    return stride if fits else 0
