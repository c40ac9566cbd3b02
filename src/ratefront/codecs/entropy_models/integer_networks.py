"""Networks whose outputs have the same bits everywhere: on any machine, with any number of threads, in any batch.

What an entropy model computes from decoded integers chooses the coder's tables, so that the last bit counts. Floats
added in another order differ. Here nothing is ever rounded in a sum: weights are multiples of 2^-12, activations
multiples of 2^-8 and bounded, hence a product needs 35 bits and a sum of up to 2^18 of them fits the 53 bits of a
float64 exactly, whatever the order. Between layers activations are put on their grid again. (The idea of Ballé,
Johnston & Minnen 2019, integer networks; float64 does as the integer type, so that plain layers can be trained and then
rounded.)
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

_WEIGHT_STEPS, _LARGEST_WEIGHT = 2.0**12, 8.0 - 2.0**-8  # also what fp16 can hold
_STEPS, _LARGEST = 2.0**8, 2.0**12


@torch.no_grad()
def round_to_integer_grid(module: nn.Module) -> None:
    """Round a network's weights to what both fp16 and the exact pass can hold."""
    for weights in module.parameters():
        near = weights.half().to(weights.dtype).clamp(-_LARGEST_WEIGHT, _LARGEST_WEIGHT)
        weights.copy_((near * _WEIGHT_STEPS).round() / _WEIGHT_STEPS)


@torch.no_grad()
def integer_forward(network: Iterable[nn.Module], values: Tensor) -> Tensor:
    """The network's output for values (n, ...) on the grid (integers are), float64 on the CPU, on the grid again.

    The network is a row of convolutions, linear layers, ReLUs and layers that only move values;
    ``round_to_integer_grid`` was called. Its own float32 weights are not changed.
    """
    values = values.to("cpu", torch.float64)
    for layer in network:
        values = _on_grid(_run(layer, values))
    return values


def _run(layer: nn.Module, values: Tensor) -> Tensor:
    weights = {name: tensor.to("cpu", torch.float64) for name, tensor in layer.state_dict().items()}
    result: Tensor = torch.func.functional_call(layer, weights, (values,))
    return result


def _on_grid(values: Tensor) -> Tensor:
    return ((values * _STEPS + 0.5).floor() / _STEPS).clamp(-_LARGEST, _LARGEST)
