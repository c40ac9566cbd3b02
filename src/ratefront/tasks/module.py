"""A user's own task model: what a function of theirs makes, and what can be told of it before a sweep."""

from __future__ import annotations

import hashlib
import importlib
import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ratefront.catalogue.task_models import ModuleParameters
from ratefront.errors import InputError
from ratefront.tasks.evaluation_check import check_evaluation, random_samples
from ratefront.tasks.model import TaskModel

_EXPECTED = (
    "expected package.module:function, importable (PYTHONPATH), from (classes, shape) to a ratefront TaskModel, "
    "or to a torch.nn.Sequential whose children are its stages"
)
_FEWEST_STAGES = 2
_NOT_THE_USERS = ("torch", "torchvision", "ratefront")


def build(parameters: ModuleParameters, classes: int, shape: Sequence[int]) -> TaskModel:
    """What the function makes, as a task model that takes samples of this shape and tells so many classes.

    Raises
    ------
    InputError
        There is no such function, or it makes something else.
    """
    model = _made(parameters.target, classes, tuple(shape))
    _features(model, parameters.target, classes, shape)
    return model


def describe(parameters: ModuleParameters, data: Mapping[str, Any]) -> dict[str, Any]:
    """Facts of the catalogue: ``splits`` and ``strides``, where classes and shape of the data are known.

    Raises
    ------
    InputError
        As ``build``, or a stage is no function of a sample in evaluation mode.
    """
    _function(parameters.target)
    if not (data.get("classes") and data.get("shape")):
        return {}
    classes, shape = data["classes"], tuple(data["shape"])
    with torch.random.fork_rng(devices=[]):
        model = _made(parameters.target, classes, shape)
        features = _features(model, parameters.target, classes, shape)
        check_evaluation(model, random_samples(shape), f"target {parameters.target}")
    return {"splits": model.splits, "strides": tuple(_stride(shape, found) for found in features)}


def code_digest(model: TaskModel, parameters: ModuleParameters) -> str:
    """SHA-256 of the source files of the function and of every class in the model: what the cache tells models by."""
    things: set[Any] = {_function(parameters.target), *map(type, model.modules())}
    own = {thing for thing in things if thing.__module__.partition(".")[0] not in _NOT_THE_USERS}
    digest = hashlib.sha256()
    for file in sorted({file for thing in own if (file := _source(thing))}):
        digest.update(hashlib.sha256(Path(file).read_bytes()).digest())
    return digest.hexdigest()


def _source(thing: Callable[..., Any]) -> str | None:
    try:
        return inspect.getsourcefile(thing)
    except TypeError:  # made without a file, as in a session
        return None


def _function(target: str) -> Callable[..., Any]:
    module, _, name = target.partition(":")
    try:
        function = getattr(importlib.import_module(module), name)
    except Exception as error:
        raise InputError(f"target {target}: {type(error).__name__}: {error}; {_EXPECTED}") from error
    if not callable(function):
        raise InputError(f"target {target}: is no function but {type(function).__name__}; {_EXPECTED}")
    return function  # type: ignore[no-any-return]


def _made(target: str, classes: int, shape: tuple[int, ...]) -> TaskModel:
    function = _function(target)
    try:
        made = function(classes, shape)
        model = TaskModel(list(made.named_children())) if isinstance(made, nn.Sequential) else made
    except Exception as error:
        raise InputError(
            f"target {target}({classes}, {shape}): {type(error).__name__}: {error}; {_EXPECTED}"
        ) from error
    if not isinstance(model, TaskModel):
        raise InputError(f"target {target}: made a {type(made).__name__}; {_EXPECTED}")
    if len(model.stages) < _FEWEST_STAGES:
        raise InputError(
            f"target {target}: needs at least {_FEWEST_STAGES} stages, to be cut between them; got {len(model.stages)}"
        )
    return model


@torch.no_grad()
def _features(model: TaskModel, target: str, classes: int, shape: Sequence[int]) -> list[tuple[int, ...]]:
    """Shape at each split point of one sample's features; the logits are checked."""
    model.eval()
    value, shapes = torch.zeros(1, *shape), []
    for name, stage in zip([*model.splits, "the last"], model.stages.values(), strict=True):
        try:
            value = stage(value)
            shapes.append(tuple(value.shape[1:]))
        except Exception as error:
            raise InputError(
                f"target {target}: samples {tuple(shape)} do not go through stage {name}: {error}"
            ) from error
    model.train()
    if shapes[-1] != (classes,):
        raise InputError(
            f"target {target}: logits must be (N, {classes}) for {classes} classes, got (N, "
            f"{', '.join(map(str, shapes[-1]))})"
        )
    return shapes[:-1]


def _stride(shape: tuple[int, ...], features: tuple[int, ...]) -> int:
    """Of features (c, h, w) for images (C, H, W): the s with h = ⌈H/s⌉ and w = ⌈W/s⌉; 0 where there is none."""
    if len(shape) != 3 or len(features) != 3 or 0 in features:
        return 0
    stride = round(shape[1] / features[1])
    fits = stride > 0 and all(-(-shape[i] // stride) == features[i] for i in (1, 2))
    return stride if fits else 0
