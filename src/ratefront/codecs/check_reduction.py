"""Why a task model cannot be reduced as a sweep file asks; found before any trial, and without its weights."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import torch
from torch import nn

from ratefront.catalogue.reductions import PrecisionName, PruningName
from ratefront.codecs.reduction.int8_conversion import check_int8, plan_int8, readable_path
from ratefront.codecs.reduction.structured_pruning import PrunableLayer, check_channels, prunable_layers
from ratefront.codecs.reduction.unstructured_pruning import check_weights
from ratefront.errors import InputError
from ratefront.spec.sweep_spec import Named
from ratefront.task_models.build_task_model import build_task_model


class ReducibleTaskModel:
    """The structure of a task model, asked again and again which reductions it allows.

    Args:
        task_model: The sweep file's description of the task model.
        classes: The number of classes.
        shape: The shape of a sample.

    Raises:
        InputError: The task model cannot be built.
    """

    def __init__(self, task_model: Mapping[str, Any], classes: int, shape: tuple[int, ...]) -> None:
        with torch.random.fork_rng(devices=[]):
            self._model = build_task_model(Named.model_validate(dict(task_model)), classes, shape).eval()
        self._shape = shape
        self._layers, self._int8_problem = cache(self._prunable_layers), cache(self._problem_of_int8)

    def problem(
        self,
        split: str | None,
        precision: PrecisionName | None,
        pruning: PruningName,
        pruned_share: float,
        keeps_outputs: bool,
    ) -> str | None:
        """Return why the layers up to a split point (None: all) cannot be reduced so; None if they can.

        The message names the layer as the task model does.
        """
        if split is not None and split not in self._model.splits:
            return None  # another check says so
        try:
            if pruning == "structured":
                check_channels(self._layers(split, keeps_outputs), pruned_share)
            elif pruning == "unstructured":
                check_weights(self._network(split))
        except InputError as error:
            return str(error)
        return self._int8_problem(split) if precision == "int8" else None

    def _problem_of_int8(self, split: str | None) -> str | None:
        network, names = self._network(split), self._stage_names()
        try:
            check_int8(network, names)
            plan_int8(network, self._shape)
        except InputError as error:
            return str(error)
        return None

    def _prunable_layers(self, split: str | None, keeps_outputs: bool) -> list[PrunableLayer]:
        layers = prunable_layers(self._network(split), self._shape, keeps_outputs=keeps_outputs)
        names = self._stage_names()
        return [PrunableLayer(readable_path(path, names), channels) for path, channels in layers]

    def _network(self, split: str | None) -> nn.Sequential:
        return nn.Sequential(*self._model.stages.values()) if split is None else self._model.front_end(split)

    def _stage_names(self) -> dict[str, str]:
        """Return what the stages are called in the task model, by their places in a front end."""
        keys = [name.replace("/", ".") for name in self._model.stages]
        return {str(place): name for place, name in enumerate(keys)}
