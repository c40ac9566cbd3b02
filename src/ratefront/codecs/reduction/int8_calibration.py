"""Calibration of int8: the range of each layer's inputs, and its bias, from training samples.

The range is the one of least squared error of the quantised inputs. Then, layer by layer, the bias takes up how far the
mean of each output channel has moved (Nagel et al. 2019, "Data-free quantization through weight equalization and bias
correction", here with data).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from ratefront.codecs.reduction.int8_layer import Int8Layer
from ratefront.codecs.reduction.integer_kernel import MOST_INPUT

_BATCH_VALUES = 2**20  # of the samples that run together
_KEPT_VALUES = 2**16  # of a layer's inputs
_SHARES = [1 - step / 64 for step in range(48)]  # of the whole range, that are tried as the range


@torch.no_grad()
def calibrate(converted: nn.Module, original: nn.Module, samples: Tensor) -> None:
    """Set the integers, ranges and biases of a network's int8 layers.

    Args:
        converted: The network with ``Int8Layer`` in place of the layers of ``original``, at the same paths.
        original: The same network with layers in float.
        samples: Calibration samples (n, ...).
    """
    layers = {path: part for path, part in converted.named_modules() if isinstance(part, Int8Layer)}
    sources = {path: original.get_submodule(path) for path in layers}
    values, means = _inputs_and_means(original, sources, samples)
    for path, layer in layers.items():
        source = sources[path]
        assert isinstance(source, nn.Conv1d | nn.Conv2d | nn.Linear)
        layer.set_weights(source, *best_range(values[path]) if path in values else (0.0, 0.0))
    for path in means:
        moved = _output_means(converted, {path: layers[path]}, samples)[path]
        layers[path].bias.add_(means[path] - moved)
        layers[path].bias.copy_(layers[path].bias.half().float())


def best_range(values: Tensor) -> tuple[float, float]:
    """Return the ends of the range, around 0, whose 128 steps give the least squared error of values (n,)."""
    low, high = min(0.0, float(values.min())), max(0.0, float(values.max()))
    if low == high:
        return low, high
    errors = [_squared_error(values, low * share, high * share) for share in _SHARES]
    best = _SHARES[min(range(len(errors)), key=errors.__getitem__)]
    return low * best, high * best


def _squared_error(values: Tensor, low: float, high: float) -> float:
    step = (high - low) / MOST_INPUT
    zero = round(-low / step)
    restored = ((values / step).round().add(zero).clamp(0, MOST_INPUT) - zero) * step
    return float((restored - values).square().mean())


def _inputs_and_means(
    network: nn.Module, layers: dict[str, nn.Module], samples: Tensor
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Return some input values of each layer, and the mean (out,) of each output channel, in the order of running."""
    kept: dict[str, list[Tensor]] = {}
    batches = list(_batches(samples))

    def keep(path: str, layer: nn.Module, inputs: Tensor, output: Tensor) -> None:
        flat = inputs.flatten()
        stride = max(1, flat.numel() * len(batches) // _KEPT_VALUES)
        kept.setdefault(path, []).append(torch.cat([flat[::stride], flat.amin()[None], flat.amax()[None]]))

    with _hooked(layers, keep):
        for batch in batches:
            network(batch)
    return {path: torch.cat(values) for path, values in kept.items()}, _output_means(network, layers, samples)


def _output_means(network: nn.Module, layers: dict[str, nn.Module], samples: Tensor) -> dict[str, Tensor]:
    sums: dict[str, Tensor] = {}
    counts: dict[str, int] = {}

    def add(path: str, layer: nn.Module, inputs: Tensor, output: Tensor) -> None:
        is_linear = isinstance(layer, nn.Linear) or (isinstance(layer, Int8Layer) and layer.is_linear)
        by_channel = output.flatten(0, -2) if is_linear else output.movedim(1, -1).flatten(0, -2)
        sums[path] = sums.get(path, 0) + by_channel.double().sum(dim=0)
        counts[path] = counts.get(path, 0) + len(by_channel)

    with _hooked(layers, add):
        for batch in _batches(samples):
            network(batch)
    return {path: (total / counts[path]).float() for path, total in sums.items()}


@contextmanager
def _hooked(
    layers: dict[str, nn.Module], note: Callable[[str, nn.Module, Tensor, Tensor], None]
) -> Iterator[None]:
    """Call ``note`` with path, layer, input and output whenever one of the layers has run."""
    hooks = [
        layer.register_forward_hook(
            lambda layer, inputs, output, path=path: note(path, layer, inputs[0], output)
        )
        for path, layer in layers.items()
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _batches(samples: Tensor) -> tuple[Tensor, ...]:
    batches: tuple[Tensor, ...] = samples.split(max(1, _BATCH_VALUES // samples[0].numel()))
    return batches
