"""Unstructured pruning: single weights are set to 0. It saves bytes, not multiply–accumulates."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TypeAlias

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

from ratefront.codecs.reduction.int8_layer import Int8Layer
from ratefront.codecs.reduction.module_paths import named_layers
from ratefront.complexity.stored_precision import keep_sparse
from ratefront.errors import InputError

#: For each layer, by path, where its weights are not 0.
Masks: TypeAlias = Mapping[str, Tensor]


def sparse_layers(network: nn.Module) -> dict[str, nn.Module]:
    """Return the convolutions and linear layers, whose weights are pruned, by path."""
    return named_layers(network, lambda part: isinstance(part, _ConvNd | nn.Linear))


def mark_sparse(network: nn.Module) -> None:
    """Store and count the weights of these layers without their zeros, from now on; in int8 as well."""
    for part in network.modules():
        if isinstance(part, Int8Layer):
            keep_sparse(part, "integers")
        elif isinstance(part, _ConvNd | nn.Linear):
            keep_sparse(part, "weight")


def check_weights(network: nn.Module) -> None:
    """Refuse a network without layers of weights.

    Raises:
        InputError: There is none.
    """
    if not sparse_layers(network):
        raise InputError("pruning: unstructured: there is no convolution or linear layer")


@torch.no_grad()
def smallest_weights_masked(network: nn.Module, pruned_share: float) -> Masks:
    """Set the smallest weights of each layer to 0, and return where the others are."""
    masks = {}
    for path, layer in sparse_layers(network).items():
        weight = _weight(layer)
        number = min(weight.numel() - 1, math.floor(pruned_share * weight.numel() + 0.5))
        mask = torch.ones(weight.numel(), dtype=torch.bool, device=weight.device)
        mask[weight.abs().flatten().argsort(stable=True)[:number]] = False
        masks[path] = mask.reshape(weight.shape)
    apply_masks(network, masks)
    return masks


@torch.no_grad()
def apply_masks(network: nn.Module, masks: Masks) -> None:
    """Set the weights to 0 that are pruned."""
    for path, mask in masks.items():
        _weight(network.get_submodule(path)).mul_(mask)


def _weight(layer: nn.Module) -> Tensor:
    assert isinstance(layer, _ConvNd | nn.Linear)
    return layer.weight
