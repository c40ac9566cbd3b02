"""Integer networks: their outputs have the same bits on any machine, with any number of threads, in any batch.

An entropy model computes from decoded integers which of the coder's tables to use. If the last bit differs at the
receiver, decoding fails, and floats that are added in another order differ. Here no sum is ever rounded: weights are
multiples of 2^-12, activations are bounded multiples of 2^-8. A product then needs 35 bits, and a sum of up to 2^18
products fits the 53 bits of a float64 exactly, in any order. Activations are rounded to their grid between layers.

The idea is that of Ballé, Johnston & Minnen 2019, "Integer networks for data compression". Float64 serves as the
integer type, so that ordinary layers are trained and rounded afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

_WEIGHT_STEPS, _LARGEST_WEIGHT = 2.0**12, 8.0 - 2.0**-8  # also what fp16 can hold
_STEPS, _LARGEST = 2.0**8, 2.0**12


@torch.no_grad()
def round_to_integer_grid(module: nn.Module) -> None:
    """Round a network's weights to values that both fp16 and ``integer_forward`` represent exactly."""
    for weights in module.parameters():
        rounded = weights.half().to(weights.dtype).clamp(-_LARGEST_WEIGHT, _LARGEST_WEIGHT)
        weights.copy_((rounded * _WEIGHT_STEPS).round() / _WEIGHT_STEPS)


@torch.no_grad()
def integer_forward(network: Iterable[nn.Module], values: Tensor) -> Tensor:
    """Run a network in exact arithmetic.

    Args:
        network: Convolutions, linear layers, ReLUs and layers that only move values, whose weights
            ``round_to_integer_grid`` has rounded. They are not changed.
        values: Inputs (n, ...) that are multiples of 2^-8, as integers are.

    Returns:
        The outputs, float64 on the CPU, multiples of 2^-8.
    """
    values = values.to("cpu", torch.float64)
    for layer in network:
        values = _round_activations(_run_layer(layer, values))
    return values


def _run_layer(layer: nn.Module, values: Tensor) -> Tensor:
    weights = {name: tensor.to("cpu", torch.float64) for name, tensor in layer.state_dict().items()}
    result: Tensor = torch.func.functional_call(layer, weights, (values,))
    return result


def _round_activations(values: Tensor) -> Tensor:
    return ((values * _STEPS + 0.5).floor() / _STEPS).clamp(-_LARGEST, _LARGEST)
