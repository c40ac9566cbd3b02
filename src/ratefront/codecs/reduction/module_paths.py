"""Layers of a network by their path, and how one is replaced by another."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TypeVar

import torch
from torch import Tensor, nn

Network = TypeVar("Network", bound=nn.Module)

#: Samples whose outputs are compared, to prove that a change of a network leaves what it computes.
_PROOF_SAMPLES = 4
_PROOF_TOLERANCE = (
    1e-3  # relative to the outputs' deviation; a wrong change alters them by about as much as that
)

NORMALISATIONS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


def replace_module(network: nn.Module, old: nn.Module, new: nn.Module) -> None:
    """Put ``new`` wherever ``old`` stands in the network."""
    for path in [name for name, part in network.named_modules(remove_duplicate=False) if part is old]:
        parent, _, name = path.rpartition(".")
        network.get_submodule(parent)._modules[name] = new


def with_random_weights(network: Network) -> Network:
    """Set all weights and statistics to random ones, always the same: a proof on them holds for the structure."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for part in network.modules():
            for name, parameter in part.named_parameters(recurse=False):
                parameter.copy_(_random_weights(part, name, parameter, generator))
            for name, tensor in part.named_buffers(recurse=False):
                if isinstance(part, NORMALISATIONS) and tensor.is_floating_point():
                    tensor.copy_(_random_weights(part, name, tensor, generator))
    return network


def _random_weights(part: nn.Module, name: str, tensor: Tensor, generator: torch.Generator) -> Tensor:
    if isinstance(part, NORMALISATIONS) and name in ("weight", "running_var"):
        return torch.rand(tensor.shape, generator=generator) + 0.5
    inputs = math.prod(tensor.shape[1:]) if tensor.ndim > 1 else 4
    return torch.randn(tensor.shape, generator=generator) * math.sqrt(2 / inputs)


def random_samples(shape: Sequence[int]) -> Tensor:
    """Return a few samples with values in [0, 1), always the same."""
    return torch.rand(_PROOF_SAMPLES, *shape, generator=torch.Generator().manual_seed(1))


def are_equal(some: Tensor, others: Tensor) -> bool:
    """Tell whether outputs are the same up to float rounding."""
    if some.shape != others.shape:
        return False
    return bool((some - others).abs().max() <= _PROOF_TOLERANCE * (some.std() + 1e-6))


def named_layers(network: nn.Module, wanted: Callable[[nn.Module], bool]) -> dict[str, nn.Module]:
    """Return the parts of a network for which ``wanted`` holds, each once, by path."""
    return {name: part for name, part in network.named_modules() if wanted(part)}
