"""The starting weights of a codec's training: those of the stored codec of another trial, which differs in β alone.

A stored codec holds all that is trained: the transforms, the densities of its entropy model (beside the tables that
``update`` made of them), and a fine-tuned back end, as fp16, or as integers that stand for weights. What a training
computes from data or takes from the task model stays as the learner has set it. Tables stay empty: they are made anew
when training ends.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor

from ratefront.bounded_files import check_regular_file, parse_json, read_regular_file
from ratefront.codecs.codec_files import codec_content
from ratefront.codecs.codec_interface import Codec, CodecStructure, Learner
from ratefront.codecs.reduction import with_float_weights


class NoStartingWeightsError(Exception):
    """Why a training cannot start from a stored codec."""


def start_from_codec(
    codec: Codec, learner: Learner, family: str, structure: CodecStructure, config: Path, weights: Path
) -> None:
    """Set what the optimiser will train to the weights of a stored codec; nothing is changed where that fails.

    Args:
        codec: The codec that is to be trained.
        learner: Its learner, which has given the codec its initial weights.
        family: The codec's family.
        structure: The codec's structure.
        config: ``codec.json`` of the other codec.
        weights: ``codec.safetensors`` of the other codec.

    Raises:
        NoStartingWeightsError: A file is gone or damaged, or is of a codec that differs in more than β.
    """
    try:
        check_regular_file(weights)
        stored: dict[str, Any] = dict(parse_json(read_regular_file(config)))
        tensors = with_float_weights(load(weights.read_bytes()))
    except (FileNotFoundError, ValueError, TypeError, RecursionError, SafetensorError) as error:
        raise NoStartingWeightsError(f"{config.parent} holds no codec: {error}") from error
    if _but_for_beta(stored) != _but_for_beta(codec_content(family, structure)):
        raise NoStartingWeightsError(f"{config} is of a codec that differs in more than beta")
    trained = _trained_parameters(codec, learner)
    for name, parameter in trained.items():
        _check(tensors, name, parameter, weights)
    with torch.no_grad():
        for name, parameter in trained.items():
            parameter.copy_(tensors[name])


def _but_for_beta(content: Mapping[str, Any]) -> dict[str, Any]:
    parameters = content.get("parameters")
    kept = dict(parameters) if isinstance(parameters, Mapping) else {}
    kept.pop("beta", None)
    return {**content, "parameters": kept}


def _trained_parameters(codec: Codec, learner: Learner) -> dict[str, Tensor]:
    """The codec's parameters that the optimiser gets, by name."""
    trained = {id(parameter) for group in learner.parameter_groups(1.0) for parameter in group["params"]}
    return {name: parameter for name, parameter in codec.named_parameters() if id(parameter) in trained}


def _check(tensors: Mapping[str, Tensor], name: str, parameter: Tensor, weights: Path) -> None:
    stored = tensors.get(name)
    if stored is None or stored.shape != parameter.shape or not stored.is_floating_point():
        raise NoStartingWeightsError(f"{weights} lacks {name}, or has it in another shape or type")
    if not stored.isfinite().all():
        raise NoStartingWeightsError(f"{weights}: {name} is not all finite")
